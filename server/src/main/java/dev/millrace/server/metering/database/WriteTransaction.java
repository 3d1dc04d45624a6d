package dev.millrace.server.metering.database;

import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;

/**
 * A transaction that no other writer's overlaps: SQLite has it so, and PostgreSQL gets it so by a
 * lock that ends with the transaction. Begun by hand: SQLite's driver begins the next transaction
 * at every commit of its own.
 */
public final class WriteTransaction {

    private static final String SQLITE_BEGIN = "BEGIN IMMEDIATE";

    private WriteTransaction() {}

    /** What is done. */
    @FunctionalInterface
    public interface Work {
        void run() throws SQLException;
    }

    /** Does the work and commits; if it fails nothing of it happened. */
    public static void run(Connection connection, Work work) throws SQLException {
        try {
            execute(connection, PostgresDatabase.owns(connection)
                    ? "BEGIN; " + LedgerLock.WRITER
                    : SQLITE_BEGIN);
            work.run();
            execute(connection, "COMMIT");
        } catch (SQLException | RuntimeException e) {
            rollback(connection, e);
            throw e;
        }
    }

    private static void rollback(Connection connection, Exception failure) {
        try {
            execute(connection, "ROLLBACK");
        } catch (SQLException e) {
            failure.addSuppressed(e); // nothing began, or it has rolled back by itself
        }
    }

    private static void execute(Connection connection, String sql) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            statement.execute(sql);
        }
    }
}
