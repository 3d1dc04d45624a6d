package dev.millrace.server.metering.database;

import dev.millrace.server.metering.LedgerException;
import java.sql.Connection;
import java.sql.SQLException;

/**
 * A connection that is made anew after something failed, where the database is not a file and the
 * connection may be lost. Not thread-safe.
 */
public final class LastingConnection implements AutoCloseable {

    private static final int ALIVE_SECONDS = 5;

    private final LedgerAddress ledger;
    private final String content;
    private Connection connection;
    private boolean suspect;

    /**
     * Connects.
     *
     * @param content what it is for, for messages: {@code keys}
     * @throws LedgerException as {@link LedgerAddress#open}
     */
    public LastingConnection(LedgerAddress ledger, String content) {
        this.ledger = ledger;
        this.content = content;
        this.connection = ledger.open();
    }

    /** The connection, within {@link #attempt}. */
    public Connection connection() {
        return connection;
    }

    /**
     * Does something with it.
     *
     * @param verb what, for the message: {@code read}
     * @throws LedgerException if that fails
     */
    public void attempt(String verb, WriteTransaction.Work work) {
        try {
            if (suspect && ledger.remote() && !connection.isValid(ALIVE_SECONDS)) {
                connection.close();
                connection = ledger.open();
            }
            suspect = true;
            work.run();
            suspect = false;
        } catch (SQLException e) {
            throw new LedgerException("cannot " + verb + " the " + content + " in " + ledger + ": "
                    + e.getMessage(), e);
        }
    }

    @Override
    public void close() {
        attempt("close", () -> connection.close());
    }
}
