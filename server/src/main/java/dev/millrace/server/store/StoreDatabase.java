package dev.millrace.server.store;

import dev.millrace.server.metering.LedgerDatabase;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Where everything that clients leave is kept: the ledger's database, written by one thread and
 * read by another, neither of them a request's. Safe to share between threads.
 */
public final class StoreDatabase implements AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(StoreDatabase.class);
    private static final Duration FIRST_SWEEP = Duration.ofMinutes(1);
    private static final Duration SWEEP = Duration.ofHours(1);

    private final StoreLimits limits;
    private final Clock clock;
    private final StoreThread writer;
    private final StoreThread reader;
    private final List<Work<Boolean>> sweeps = new CopyOnWriteArrayList<>();
    private final ScheduledExecutorService hours = Executors.newSingleThreadScheduledExecutor(
            Thread.ofPlatform().name("store sweep").daemon().factory());

    private StoreDatabase(StoreLimits limits, Clock clock, StoreThread writer,
            StoreThread reader) {
        this.limits = limits;
        this.clock = clock;
        this.writer = writer;
        this.reader = reader;
    }

    /** What is done within one transaction, which it must not end itself. */
    @FunctionalInterface
    public interface Work<T> {
        T run(Connection connection) throws SQLException;
    }

    /**
     * Opens the database beside a ledger, creating or upgrading it.
     *
     * @throws dev.millrace.server.metering.LedgerException if it cannot be read or written
     */
    public static StoreDatabase open(Path ledger, StoreLimits limits, Clock clock) {
        StoreThread writer = new StoreThread("store writer", "BEGIN IMMEDIATE",
                LedgerDatabase.open(ledger));
        try {
            StoreDatabase database = new StoreDatabase(limits, clock, writer,
                    new StoreThread("store reader", "BEGIN", LedgerDatabase.open(ledger)));
            database.hours.scheduleWithFixedDelay(database::sweepOrReport,
                    FIRST_SWEEP.toSeconds(), SWEEP.toSeconds(), TimeUnit.SECONDS);
            return database;
        } catch (RuntimeException e) {
            writer.close();
            throw e;
        }
    }

    public StoreLimits limits() {
        return limits;
    }

    public Clock clock() {
        return clock;
    }

    /**
     * Writes, as one transaction: all of it or nothing. When this returns it is on the disk.
     *
     * @throws dev.millrace.server.metering.LedgerException if it cannot be written
     */
    public <T> T write(Work<T> work) throws InterruptedException {
        return writer.await(work);
    }

    /** Reads, as of one moment. */
    public <T> T read(Work<T> work) throws InterruptedException {
        return reader.await(work);
    }

    /**
     * Has something done every hour.
     *
     * @param sweep removes some of what is no longer kept, in a time that no writer minds waiting,
     *              and says whether there is more
     */
    public void hourly(Work<Boolean> sweep) {
        sweeps.add(sweep);
    }

    /** Removes what is no longer kept. */
    public void sweep() throws InterruptedException {
        for (Work<Boolean> sweep : sweeps) {
            boolean more = true;
            while (more) {
                more = write(sweep);
            }
        }
    }

    private void sweepOrReport() {
        try {
            sweep();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (RuntimeException e) {
            LOG.warn("what is no longer kept stays for another hour: {}", e.getMessage());
        }
    }

    @Override
    public void close() {
        hours.shutdownNow();
        try (reader) {
            writer.close();
        }
    }
}
