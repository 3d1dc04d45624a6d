package dev.millrace.engine.host;

import dev.millrace.engine.Engine;
import dev.millrace.engine.OverloadException;
import dev.millrace.engine.ThreadEnd;
import dev.millrace.engine.forward.BackendException;
import dev.millrace.models.store.ByteCounts;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongSupplier;

/**
 * Owns the memory for models: opens one when a request asks for it, and where memory is short the
 * one that was used longest ago goes, idle ones first. One that goes takes no more requests and
 * finishes those it has; what is asked of it meanwhile waits until it is back. Models that wait for
 * memory are served in the order that they were asked for, so none starves.
 *
 * <p>One thread opens and frees models, one at a time: they share a device.
 */
public final class ModelHost implements AutoCloseable {

    /** Most requests that wait for one model to be opened. */
    static final int MOST_WAITING = 1024;
    /** Longest that a request waits for its model: others may have long answers to finish. */
    static final Duration LONGEST_WAIT = Duration.ofMinutes(10);

    private static final Duration RETRY = Duration.ofSeconds(10);
    private static final Duration FOREVER = Duration.ofNanos(Long.MAX_VALUE);
    /** A model idles longer than its limit by at most this. */
    private static final long IDLE_CHECK_NANOS = TimeUnit.SECONDS.toNanos(1);

    private final long budgetBytes;
    private final long idleLimitNanos; // 0 for models that stay until their memory is needed
    private final LongSupplier nanoClock;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private final List<HostedModel> models = new ArrayList<>();
    private final Set<HostedModel> wanted = new LinkedHashSet<>();
    private final Thread thread;
    private long usedBytes;
    private boolean closed;

    private ModelHost(long budgetBytes, Duration idleLimit, LongSupplier nanoClock) {
        this.budgetBytes = budgetBytes;
        this.idleLimitNanos = idleLimit.toNanos();
        this.nanoClock = nanoClock;
        this.thread = Thread.ofPlatform().name("model-host").daemon().unstarted(this::run);
    }

    /**
     * Starts a host without models.
     *
     * @param budgetBytes for all models together
     * @param idleLimit   how long a model stays without requests; zero for as long as nobody else
     *                    needs its memory
     */
    public static ModelHost start(long budgetBytes, Duration idleLimit, LongSupplier nanoClock) {
        ModelHost host = new ModelHost(budgetBytes, idleLimit, nanoClock);
        host.thread.start();
        return host;
    }

    /**
     * Adds a model, which is opened when it is first asked for.
     *
     * @param bytes  what it takes once it is open
     * @param pinned whether it stays, once it is open, whoever needs its memory
     * @throws BackendException if it could never be opened
     */
    public HostedModel add(String name, long bytes, boolean pinned, ModelOpener opener) {
        lock.lock();
        try {
            long pinnedBytes = models.stream().filter(HostedModel::pinned)
                    .mapToLong(HostedModel::bytes).sum();
            if (bytes > budgetBytes - pinnedBytes) {
                throw new BackendException(name + " takes " + ByteCounts.text(bytes)
                        + ", but of the memory limit of " + ByteCounts.text(budgetBytes)
                        + " there are " + ByteCounts.text(budgetBytes - pinnedBytes)
                        + " beside models that stay loaded");
            }
            HostedModel model = new HostedModel(this, name, bytes, pinned, opener);
            models.add(model);
            return model;
        } finally {
            lock.unlock();
        }
    }

    /** Memory that models may take together, in bytes. */
    public long budgetBytes() {
        return budgetBytes;
    }

    long nanoTime() {
        return nanoClock.getAsLong();
    }

    ReentrantLock lock() {
        return lock;
    }

    /** Waits until a model is open, and keeps it so until {@link #leave}. */
    Engine enter(HostedModel model) {
        lock.lock();
        try {
            awaitOpen(model);
            model.enter(nanoClock.getAsLong());
            return model.running().engine();
        } finally {
            lock.unlock();
        }
    }

    void leave(HostedModel model) {
        lock.lock();
        try {
            model.leave(nanoClock.getAsLong());
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    private void awaitOpen(HostedModel model) {
        requireOpen(model);
        if (model.isOpen()) {
            return;
        }
        if (model.waiting() == MOST_WAITING) {
            throw new OverloadException(MOST_WAITING + " requests wait for " + model.name()
                    + " to be loaded", RETRY);
        }
        model.wait(1);
        long failuresBefore = model.failures();
        long leftNanos = LONGEST_WAIT.toNanos();
        try {
            while (!model.isOpen()) {
                requireOpen(model);
                if (model.failures() > failuresBefore) {
                    throw model.loadFailure();
                }
                if (leftNanos <= 0) {
                    throw new OverloadException(model.name() + " could not be loaded within "
                            + LONGEST_WAIT.toMinutes() + " min, because the requests of other"
                            + " models have not ended", RETRY);
                }
                wanted.add(model);
                changed.signalAll();
                leftNanos = changed.awaitNanos(leftNanos);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new OverloadException("the wait for " + model.name() + " was interrupted",
                    RETRY);
        } finally {
            model.wait(-1);
        }
    }

    private void requireOpen(HostedModel model) {
        model.requireAlive();
        if (closed || model.draining()) {
            throw new OverloadException("the server is shutting down and takes no new requests",
                    RETRY);
        }
    }

    /** Lets nobody wait for a model any more. */
    void drain(HostedModel model) {
        lock.lock();
        try {
            model.startDraining();
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    private void run() {
        Runnable task = nextTask();
        while (task != null) {
            task.run();
            task = nextTask();
        }
    }

    /** Waits until there is something to do. @return null once the host is closed */
    private Runnable nextTask() {
        lock.lock();
        try {
            while (!closed) {
                wanted.removeIf(model -> model.isOpen() || model.waiting() == 0);
                Runnable task = wanted.isEmpty()
                        ? idleOne().map(this::freeing).orElse(null)
                        : towards(wanted.iterator().next());
                if (task != null) {
                    return task;
                }
                changed.awaitNanos(idleLimitNanos > 0 ? IDLE_CHECK_NANOS : Long.MAX_VALUE);
            }
            return null;
        } catch (InterruptedException e) {
            throw new IllegalStateException("nobody interrupts this thread", e);
        } finally {
            lock.unlock();
        }
    }

    /** The next thing to do for a model that is waited for, or null if that must wait. */
    private Runnable towards(HostedModel model) {
        if (usedBytes + model.bytes() <= budgetBytes) {
            usedBytes += model.bytes();
            return () -> open(model);
        }
        return victim().map(this::freeing).orElse(null);
    }

    private void open(HostedModel model) {
        RunningModel running = null;
        Throwable failure = null;
        try {
            running = model.opener().open();
        } catch (RuntimeException | Error e) {
            failure = e;
        }
        lock.lock();
        try {
            if (running == null) {
                usedBytes -= model.bytes();
                model.failed(failure);
                wanted.remove(model); // whoever waits is told; trying again is up to the next
            } else {
                model.opened(running, nanoClock.getAsLong());
            }
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /** Who goes if memory is short: idle before busy, then who was used longest ago. */
    private Optional<HostedModel> victim() {
        return models.stream().filter(HostedModel::mayGo).min(Comparator
                .comparing(HostedModel::busy).thenComparingLong(HostedModel::lastUsedNanos));
    }

    private Optional<HostedModel> idleOne() {
        if (idleLimitNanos == 0) {
            return Optional.empty();
        }
        long now = nanoClock.getAsLong();
        models.stream().filter(model -> model.isOpen() && model.busy())
                .forEach(model -> model.use(now));
        return models.stream().filter(model -> model.mayGo()
                && now - model.lastUsedNanos() >= idleLimitNanos).findFirst();
    }

    /** From now on nobody enters; the task waits until whoever has entered is done. */
    private Runnable freeing(HostedModel model) {
        model.startLeaving();
        return () -> free(model);
    }

    private void free(HostedModel model) {
        RunningModel running = model.running();
        running.engine().drain(FOREVER);
        running.close();
        lock.lock();
        try {
            usedBytes -= model.bytes();
            model.freed();
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /** Cancels what still runs and frees all models. */
    @Override
    public void close() {
        List<RunningModel> open = new ArrayList<>();
        lock.lock();
        try {
            closed = true;
            changed.signalAll();
            models.stream().map(HostedModel::running).filter(running -> running != null)
                    .forEach(open::add);
        } finally {
            lock.unlock();
        }
        open.forEach(running -> running.engine().close()); // so that nobody waits for an answer
        ThreadEnd.await(thread);
        for (HostedModel model : models) {
            if (model.running() != null) {
                model.running().close();
            }
        }
    }
}
