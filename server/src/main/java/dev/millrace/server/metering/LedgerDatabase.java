package dev.millrace.server.metering;

import dev.millrace.server.metering.database.LedgerAddress;
import dev.millrace.server.metering.database.WriteTransaction;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;

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

    /**
     * Does something as a whole or not at all, with no other writer at the same time.
     *
     * @throws SQLException of the work, which has left nothing behind then
     */
    public static void write(Connection connection, WriteTransaction.Work work)
            throws SQLException {
        WriteTransaction.run(connection, work);
    }
}
