package dev.millrace.server.metering.database;

import dev.millrace.models.store.FileProblems;
import dev.millrace.server.metering.LedgerException;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.Optional;
import org.sqlite.SQLiteConfig;
import org.sqlite.SQLiteConfig.JournalMode;
import org.sqlite.SQLiteConfig.SynchronousMode;

/**
 * A ledger in a file of SQLite's. Its journal is a write-ahead log, so that readers never wait; a
 * writer waits two seconds for another.
 *
 * @param path absolute
 */
record SqliteFile(Path path) implements LedgerAddress {

    private static final int BUSY_MILLIS = 2_000;

    @Override
    public Optional<Path> file() {
        return Optional.of(path);
    }

    @Override
    public boolean exists() {
        return Files.exists(path);
    }

    @Override
    public boolean remote() {
        return false;
    }

    @Override
    public Connection open() {
        createFile();
        SQLiteConfig config = new SQLiteConfig();
        config.setJournalMode(JournalMode.WAL);
        config.setSynchronous(SynchronousMode.FULL);
        config.setBusyTimeout(BUSY_MILLIS);
        config.enforceForeignKeys(true);
        try (Connection probe = config.createConnection(url())) {
            if (LedgerSchema.requireKnown(probe, this) < LedgerSchema.VERSION) {
                LedgerSchema.migrate(url(), null, this);
            }
            return config.createConnection(url());
        } catch (SQLException e) {
            throw new LedgerException("cannot open the ledger " + path + ": " + e.getMessage()
                    + "; if it is not a Millrace ledger, choose another file", e);
        }
    }

    @Override
    public Connection openForReading() {
        if (!exists()) {
            throw new LedgerException("there is no ledger at " + path
                    + "; ./millrace serve starts one");
        }
        SQLiteConfig config = new SQLiteConfig();
        config.setReadOnly(true);
        config.setBusyTimeout(BUSY_MILLIS);
        try {
            Connection connection = config.createConnection(url());
            try {
                int version = LedgerSchema.requireKnown(connection, this);
                if (version > 0 && version < LedgerSchema.VERSION) {
                    open().close(); // an older one, which is upgraded
                }
                connection.setAutoCommit(false);
                return connection;
            } catch (SQLException | RuntimeException e) {
                connection.close();
                throw e;
            }
        } catch (SQLException e) {
            throw new LedgerException("cannot read the ledger " + path + ": " + e.getMessage()
                    + "; is it a Millrace ledger?", e);
        }
    }

    @Override
    public ExclusiveConnection openExclusively() {
        createFile();
        LedgerLock lock = LedgerLock.take(path);
        try {
            return new ExclusiveConnection(open(), lock::close);
        } catch (RuntimeException e) {
            lock.close();
            throw e;
        }
    }

    /** A new one is for its owner alone, and so are its journals: clients' texts are in it. */
    private void createFile() {
        try {
            Files.createDirectories(path.getParent());
            if (!exists() && path.getFileSystem().supportedFileAttributeViews().contains("posix")) {
                createPrivately();
            }
        } catch (IOException e) {
            throw new LedgerException("cannot create the ledger in " + path.getParent()
                    + ": " + FileProblems.describe(e) + "; choose another with --ledger or"
                    + " MILLRACE_HOME", e);
        }
    }

    private void createPrivately() throws IOException {
        try {
            Files.createFile(path, PosixFilePermissions.asFileAttribute(
                    PosixFilePermissions.fromString("rw-------")));
        } catch (FileAlreadyExistsException e) {
            // Another process has made it at this moment.
        }
    }

    private String url() {
        return "jdbc:sqlite:" + path;
    }

    @Override
    public String toString() {
        return path.toString();
    }
}
