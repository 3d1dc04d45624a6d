package dev.millrace.server.metering;

import dev.millrace.models.store.FileProblems;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import org.sqlite.SQLiteConfig;
import org.sqlite.SQLiteConfig.JournalMode;
import org.sqlite.SQLiteConfig.SynchronousMode;

/**
 * Connections to the ledger's database, which keeps more than the ledger: whoever keeps something
 * of its own there opens a connection of its own.
 */
public final class LedgerDatabase {

    private static final int BUSY_MILLIS = 2_000;

    private LedgerDatabase() {}

    /**
     * Opens the database for reading and writing, creating or upgrading it. Its journal is a
     * write-ahead log, so that readers never wait; a writer waits two seconds for another.
     *
     * @throws LedgerException if a newer program wrote it, or it cannot be read or written
     */
    public static Connection open(Path file) {
        Path absolute = file.toAbsolutePath();
        createFolder(absolute);
        SQLiteConfig config = new SQLiteConfig();
        config.setJournalMode(JournalMode.WAL);
        config.setSynchronous(SynchronousMode.FULL);
        config.setBusyTimeout(BUSY_MILLIS);
        config.enforceForeignKeys(true);
        try (Connection probe = config.createConnection("jdbc:sqlite:" + absolute)) {
            if (LedgerSchema.requireKnown(probe, absolute) < LedgerSchema.VERSION) {
                LedgerSchema.migrate(absolute);
            }
            return config.createConnection("jdbc:sqlite:" + absolute);
        } catch (SQLException e) {
            throw new LedgerException("cannot open the ledger " + absolute + ": " + e.getMessage()
                    + "; if it is not a Millrace ledger, choose another file", e);
        }
    }

    /** Makes the folder of a ledger that may be new. */
    static void createFolder(Path file) {
        try {
            Files.createDirectories(file.getParent());
        } catch (IOException e) {
            throw new LedgerException("cannot create the ledger's folder " + file.getParent()
                    + ": " + FileProblems.describe(e) + "; choose another with --ledger or"
                    + " MILLRACE_HOME", e);
        }
    }
}
