package dev.millrace.server.metering.database;

import dev.millrace.server.metering.LedgerException;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.Optional;

/**
 * Where a ledger is: a file of SQLite's, or a database of PostgreSQL's. As a text it is what people
 * may see, without passwords.
 */
public sealed interface LedgerAddress permits SqliteFile, PostgresDatabase {

    /** What a URL of PostgreSQL's begins with. */
    String POSTGRES = "jdbc:postgresql:";

    /**
     * Reads an address.
     *
     * @param text a path, or {@code jdbc:postgresql://host:5432/database?user=name}
     * @throws IllegalArgumentException if it is a URL of anything else, or a wrong one
     */
    static LedgerAddress of(String text) {
        if (text.startsWith(POSTGRES)) {
            return new PostgresDatabase(text);
        }
        if (text.matches("(?i)(jdbc:)?[a-z][a-z0-9+.-]+:.*")) {
            boolean postgres = text.matches("(?i)(jdbc:)?postgres(ql)?:.*");
            throw new IllegalArgumentException("a ledger is a file or a database of PostgreSQL's,"
                    + " such as " + POSTGRES + "//host:5432/millrace?user=millrace; \""
                    + PostgresDatabase.withoutPassword(text) + "\" is neither" + (postgres
                            ? ": it must begin with " + POSTGRES + "// and have the user behind"
                                    + " a question mark"
                            : ""));
        }
        return ofFile(Path.of(text));
    }

    /** A ledger in a file. */
    static LedgerAddress ofFile(Path file) {
        return new SqliteFile(file.toAbsolutePath());
    }

    /** The file; empty for a database elsewhere. */
    Optional<Path> file();

    /** Whether there may be a ledger: a database elsewhere is there until it is asked. */
    boolean exists();

    /**
     * Connects for reading and writing, creating the tables or bringing them up to date.
     *
     * @throws LedgerException if a newer program wrote it, or it cannot be read or written
     */
    Connection open();

    /**
     * Connects for reading alone, also while a server writes. The first statement begins a
     * transaction, in which everything is as of one moment.
     *
     * @throws LedgerException as {@link #open}, and if there is no such file
     */
    Connection openForReading();

    /**
     * Connects as the one server that meters, until the connection is closed.
     *
     * @throws LedgerException as {@link #open}, and if another server does
     */
    ExclusiveConnection openExclusively();

    /** Whether a connection may get lost and be made anew. */
    boolean remote();

    /**
     * A connection that keeps other servers away.
     *
     * @param unlock lets them in again, where the end of the connection does not
     */
    record ExclusiveConnection(Connection connection, Runnable unlock) {

        /** Ends both. */
        public void close() throws SQLException {
            try {
                connection.close();
            } finally {
                unlock.run();
            }
        }
    }
}
