package dev.millrace.server.metering.database;

import dev.millrace.server.metering.LedgerException;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import org.sqlite.SQLiteConfig;
import org.sqlite.SQLiteErrorCode;
import org.sqlite.SQLiteException;

/**
 * Makes sure that one server at a time writes a ledger. For a file, an exclusive transaction, held
 * as long as the ledger is open, on an empty database beside it: the system lets go of it when the
 * process dies. (A lock of java.nio would be lost as soon as the same process opened the file
 * again.) For a database of PostgreSQL's, an advisory lock of the connection.
 */
final class LedgerLock implements AutoCloseable {

    /** Waits for other writers of the same schema; ends with the transaction. */
    static final String WRITER = "SELECT pg_advisory_xact_lock(1296649293,"
            + " hashtext(current_schema()))";
    /** Does not wait for other servers; ends with the connection. */
    private static final String SERVER = "SELECT pg_try_advisory_lock(1296649292,"
            + " hashtext(current_schema()))";

    private final Connection connection;

    private LedgerLock(Connection connection) {
        this.connection = connection;
    }

    static LedgerLock take(Path ledger) {
        Path file = ledger.resolveSibling(ledger.getFileName() + ".lock");
        SQLiteConfig config = new SQLiteConfig();
        config.setBusyTimeout(0);
        Connection connection = null;
        try {
            connection = config.createConnection("jdbc:sqlite:" + file);
            try (Statement statement = connection.createStatement()) {
                statement.execute("BEGIN EXCLUSIVE");
            }
            return new LedgerLock(connection);
        } catch (SQLException e) {
            closeAfter(connection, e);
            if (e instanceof SQLiteException sqlite
                    && sqlite.getResultCode() == SQLiteErrorCode.SQLITE_BUSY) {
                throw new LedgerException("the ledger " + ledger + " is in use by another server;"
                        + " stop that one, or give this one its own with --ledger", e);
            }
            throw new LedgerException("cannot lock the ledger " + ledger + ": " + e.getMessage()
                    + "; check that its folder can be written", e);
        }
    }

    /** Locks PostgreSQL's ledger for as long as the connection lives; false if another has. */
    static boolean take(Connection connection) throws SQLException {
        try (Statement statement = connection.createStatement();
                ResultSet taken = statement.executeQuery(SERVER)) {
            taken.next();
            return taken.getBoolean(1);
        }
    }

    private static void closeAfter(Connection connection, SQLException failure) {
        try {
            if (connection != null) {
                connection.close();
            }
        } catch (SQLException e) {
            failure.addSuppressed(e);
        }
    }

    @Override
    public void close() {
        try {
            connection.close();
        } catch (SQLException e) {
            throw new LedgerException("cannot release the ledger's lock: " + e.getMessage(), e);
        }
    }
}
