package dev.millrace.server.store;

import dev.millrace.server.metering.LedgerException;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * One platform thread with a connection of its own, since SQLite's calls would pin virtual threads.
 * What waits goes into one transaction together, so that one write to the disk serves many; a piece
 * of work that fails is undone alone.
 */
final class StoreThread implements AutoCloseable {

    private static final int WAITING = 1024;
    private static final int TOGETHER = 64;
    private static final Duration LONGEST_WAIT = Duration.ofSeconds(30);

    private final String name;
    private final String begin;
    private final Connection connection;
    private final BlockingQueue<Job<?>> waiting = new ArrayBlockingQueue<>(WAITING);
    private final Thread thread;
    private volatile boolean closing;

    /**
     * Starts it.
     *
     * @param begin what begins its transactions
     */
    StoreThread(String name, String begin, Connection connection) {
        this.name = name;
        this.begin = begin;
        this.connection = connection;
        this.thread = Thread.ofPlatform().name(name).daemon().start(this::run);
    }

    private record Job<T>(StoreDatabase.Work<T> work, CompletableFuture<T> result) {

        /** Runs it, within a transaction of several. @return what tells its caller, later */
        Runnable run(Connection connection) throws SQLException {
            execute(connection, "SAVEPOINT one");
            try {
                T value = work.run(connection);
                execute(connection, "RELEASE one");
                return () -> result.complete(value);
            } catch (SQLException | RuntimeException e) {
                execute(connection, "ROLLBACK TO one");
                execute(connection, "RELEASE one");
                return () -> result.completeExceptionally(e);
            }
        }
    }

    /** Waits until the work is done and on the disk. @throws LedgerException if it could not be */
    <T> T await(StoreDatabase.Work<T> work) throws InterruptedException {
        Job<T> job = new Job<>(work, new CompletableFuture<>());
        if (closing || !waiting.offer(job)) {
            throw new LedgerException(closing
                    ? "what clients store is closed"
                    : WAITING + " pieces of work wait for the " + name);
        }
        try {
            return job.result.get(LONGEST_WAIT.toMillis(), TimeUnit.MILLISECONDS);
        } catch (TimeoutException e) {
            throw new LedgerException("the " + name + " took longer than "
                    + LONGEST_WAIT.toSeconds() + " s", e);
        } catch (ExecutionException e) {
            if (e.getCause() instanceof RuntimeException failure) {
                throw failure;
            }
            throw new LedgerException("the " + name + " failed: " + e.getCause().getMessage(),
                    e.getCause());
        }
    }

    private void run() {
        List<Job<?>> jobs = new ArrayList<>();
        try {
            while (!closing || !waiting.isEmpty()) {
                jobs.add(waiting.take());
                waiting.drainTo(jobs, TOGETHER - 1);
                transaction(jobs);
                jobs.clear();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt(); // close() has waited long enough
        }
        waiting.drainTo(jobs);
        jobs.forEach(job -> job.result.completeExceptionally(
                new LedgerException("what clients store is closed")));
    }

    private void transaction(List<Job<?>> jobs) {
        List<Runnable> answers = new ArrayList<>();
        try {
            execute(connection, begin);
            for (Job<?> job : jobs) {
                answers.add(job.run(connection));
            }
            execute(connection, "COMMIT");
            answers.forEach(Runnable::run);
        } catch (SQLException | RuntimeException | Error e) {
            rollback(e);
            jobs.forEach(job -> job.result.completeExceptionally(e));
        }
    }

    private void rollback(Throwable failure) {
        try {
            execute(connection, "ROLLBACK");
        } catch (SQLException e) {
            failure.addSuppressed(e); // it has rolled back by itself, as on a full disk
        }
    }

    private static void execute(Connection connection, String sql) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            statement.execute(sql);
        }
    }

    /** Finishes what waits, and takes no more. */
    @Override
    public void close() {
        closing = true;
        waiting.offer(new Job<>(_ -> null, new CompletableFuture<>()));
        try {
            if (!thread.join(LONGEST_WAIT)) {
                thread.interrupt();
            }
            connection.close();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (SQLException e) {
            throw new LedgerException("cannot close the " + name + ": " + e.getMessage(), e);
        }
    }
}
