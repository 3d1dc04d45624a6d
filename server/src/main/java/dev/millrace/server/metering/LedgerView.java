package dev.millrace.server.metering;

import dev.millrace.server.metering.database.LedgerAddress;
import java.util.function.Function;

/**
 * Reads a ledger again and again over one connection: making one takes PostgreSQL longer than all
 * that is read. What was lost is made anew. Safe to share between threads.
 */
public final class LedgerView implements AutoCloseable {

    private final LedgerAddress ledger;
    private LedgerReader reader;

    /** Connects when it is first asked. */
    public LedgerView(LedgerAddress ledger) {
        this.ledger = ledger;
    }

    /**
     * Reads something.
     *
     * @throws LedgerException if there is no ledger or it cannot be read
     */
    public synchronized <T> T read(Function<LedgerReader, T> reading) {
        if (reader != null) {
            try {
                return reading.apply(reader);
            } catch (LedgerException e) { // perhaps it is lost
                forget(e);
            }
        }
        LedgerReader fresh = LedgerReader.open(ledger);
        try {
            T read = reading.apply(fresh);
            reader = fresh;
            return read;
        } finally {
            if (reader == null) {
                fresh.close();
            }
        }
    }

    private void forget(LedgerException failure) {
        try {
            close();
        } catch (LedgerException e) {
            failure.addSuppressed(e);
        }
    }

    @Override
    public synchronized void close() {
        LedgerReader closing = reader;
        reader = null;
        if (closing != null) {
            closing.close();
        }
    }
}
