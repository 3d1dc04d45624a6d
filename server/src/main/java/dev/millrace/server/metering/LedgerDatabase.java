package dev.millrace.server.metering;

import dev.millrace.server.metering.database.LedgerAddress;
import java.nio.file.Path;
import java.sql.Connection;

/**
 * Connections to the ledger's database, which keeps more than the ledger: whoever keeps something
 * of its own there opens a connection of its own.
 */
public final class LedgerDatabase {

    private LedgerDatabase() {}

    /** As {@link LedgerAddress#open}. */
    public static Connection open(LedgerAddress ledger) {
        return ledger.open();
    }

    /** The same of a ledger in a file. */
    public static Connection open(Path file) {
        return LedgerAddress.ofFile(file).open();
    }
}
