package dev.millrace.server.metering;

import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import org.sqlite.SQLiteConfig;
import org.sqlite.SQLiteErrorCode;
import org.sqlite.SQLiteException;

/**
 * Makes sure that one server at a time writes a ledger: an exclusive transaction, held as long as
 * the ledger is open, on an empty database beside it. The system lets go of it when the process
 * dies. (A lock of java.nio would be lost as soon as the same process opened the file again.)
 */
final class LedgerLock implements AutoCloseable {

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
