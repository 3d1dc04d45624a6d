package dev.millrace.server.batches;

import dev.millrace.server.metering.LedgerException;
import dev.millrace.server.openai.wire.HttpLimits;
import dev.millrace.server.store.BatchCounts;
import dev.millrace.server.store.BatchStore;
import dev.millrace.server.store.StoredBatch;
import dev.millrace.server.tenants.Identity;
import java.io.IOException;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Runs everybody's batches, so many rows at once, in turn from each batch. Safe to share between
 * threads.
 */
public final class BatchRunner {

    private static final Logger LOG = LoggerFactory.getLogger(BatchRunner.class);
    private static final Duration RETRY = Duration.ofSeconds(5);

    private final BatchStore store;
    private final Terms terms;
    private final Map<String, Running> running = new ConcurrentHashMap<>();
    private final CountDownLatch stopping = new CountDownLatch(1);

    private record Running(BatchRun run, Thread thread) {}

    /** Refuses a model that is not there, or not for this owner. */
    @FunctionalInterface
    public interface ModelCheck {
        void require(String model, Identity owner);
    }

    /** Whose a batch is. */
    @FunctionalInterface
    public interface Owners {
        /** @param keyId null where none was needed @return empty if the key is no longer good */
        Optional<Identity> find(String keyId);
    }

    /**
     * How rows run.
     *
     * @param endpoints what answers them
     * @param limits    of one, as of a request
     * @param places    rows that run at once; fair, so that batches take turns
     */
    public record Terms(BatchEndpoints endpoints, BatchPrice price, HttpLimits limits,
            ModelCheck models, Owners owners, Semaphore places) {}

    public BatchRunner(BatchStore store, Terms terms) {
        this.store = store;
        this.terms = terms;
    }

    /** Goes on with the batches that have not ended. */
    public void start() {
        try {
            store.unended().forEach(this::launch);
        } catch (LedgerException e) {
            LOG.error("batches that have not ended wait for the next start: {}", e.getMessage());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Begins with a batch. */
    void launch(StoredBatch batch) {
        BatchRun run = new BatchRun(batch, store, terms);
        Thread thread = Thread.ofVirtual().name(batch.id()).unstarted(() -> toItsEnd(batch, run));
        running.put(batch.id(), new Running(run, thread));
        if (stopping.getCount() == 0) {
            run.stop();
        }
        thread.start();
    }

    private void toItsEnd(StoredBatch batch, BatchRun run) {
        try {
            boolean done = false;
            while (!done && stopping.getCount() > 0) {
                done = ran(batch, run);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            running.remove(batch.id());
        }
    }

    /** A full disk, say, keeps a batch waiting and does not end it. */
    private boolean ran(StoredBatch batch, BatchRun run) throws InterruptedException {
        try {
            run.run();
            return true;
        } catch (IOException | LedgerException e) {
            LOG.error("{} waits: {}", batch.id(), e.toString());
            stopping.await(RETRY.toMillis(), TimeUnit.MILLISECONDS);
            return false;
        }
    }

    /** Nobody wants a batch any more. @return as it is now; empty if the tenant has no such */
    Optional<StoredBatch> cancel(String tenant, String id) throws InterruptedException {
        Optional<StoredBatch> batch = store.cancel(tenant, id);
        Running one = running.get(id);
        if (batch.isPresent() && one != null && !batch.get().status().isEnd()) {
            one.run().cancel();
        }
        return batch;
    }

    /** How far a batch is by now. */
    BatchCounts counts(StoredBatch batch) {
        Running one = running.get(batch.id());
        return batch.status().isEnd() || one == null
                ? batch.counts()
                : one.run().counts().orElse(batch.counts());
    }

    BatchPrice price() {
        return terms.price();
    }

    /** Begins no more rows; those that run go on. */
    public void stop() {
        stopping.countDown();
        running.values().forEach(one -> one.run().stop());
    }

    /**
     * Waits for rows that still run to be written down; the next start does the rest.
     *
     * @return whether they were within this time
     */
    public boolean await(Duration timeout) throws InterruptedException {
        long deadline = System.nanoTime() + timeout.toNanos();
        boolean ended = true;
        for (Running one : running.values()) {
            ended &= one.thread().join(Duration.ofNanos(Math.max(1,
                    deadline - System.nanoTime())));
        }
        return ended;
    }
}
