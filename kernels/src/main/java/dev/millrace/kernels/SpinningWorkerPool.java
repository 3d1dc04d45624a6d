package dev.millrace.kernels;

import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BooleanSupplier;

/**
 * A worker pool that starts a task within a microsecond while it is busy and costs nothing while it
 * is idle.
 *
 * <p>A task is announced by raising {@link #round}. Workers between tasks, and the caller at the
 * end of one, wait in three steps (see {@link Waiter}): spin, yield, park. Who announces something
 * wakes whoever has parked.
 */
final class SpinningWorkerPool implements WorkerPool {

    private final Worker[] helpers;
    private final Waiter caller = new Waiter();
    private final AtomicBoolean busy = new AtomicBoolean();
    private final AtomicInteger running = new AtomicInteger();
    private final BooleanSupplier allStopped = () -> running.get() == 0;
    private final AtomicReference<Throwable> failure = new AtomicReference<>();

    /** Written before {@link #round} rises, so every worker of that round sees it. */
    private Task task;
    private volatile int round;
    private volatile boolean closed;

    SpinningWorkerPool(int workers) {
        helpers = new Worker[workers - 1];
        for (int i = 0; i < helpers.length; i++) {
            helpers[i] = new Worker(i + 1);
        }
        for (Worker helper : helpers) {
            helper.thread.start();
        }
    }

    @Override
    public int workers() {
        return helpers.length + 1;
    }

    @Override
    public void run(Task newTask) {
        acquire();
        try {
            if (closed) {
                throw new IllegalStateException("the worker pool is closed");
            }
            task = newTask;
            running.set(helpers.length);
            announce();
            runAs(0);
            caller.await(allStopped);
            rethrow(failure.getAndSet(null));
        } finally {
            task = null;
            busy.set(false);
        }
    }

    private void acquire() {
        if (!busy.compareAndSet(false, true)) {
            throw new IllegalStateException("a task is running: a pool runs one at a time, and a "
                    + "task can neither run another on its pool nor close it");
        }
    }

    /** Only who holds {@link #busy} raises the round, so the addition loses nothing. */
    private void announce() {
        int next = round + 1;
        round = next;
        for (Worker helper : helpers) {
            helper.waiter.wake();
        }
    }

    private void runAs(int worker) {
        try {
            task.run(worker, workers());
        } catch (Throwable thrown) {
            failure.compareAndSet(null, thrown);
        }
    }

    private static void rethrow(Throwable thrown) {
        switch (thrown) {
            case null -> {
                // Every worker returned.
            }
            case RuntimeException exception -> throw exception;
            case Error error -> throw error;
            default -> throw new IllegalStateException("a task threw a checked exception", thrown);
        }
    }

    @Override
    public void close() {
        acquire();
        try {
            if (!closed) {
                closed = true;
                announce();
                for (Worker helper : helpers) {
                    joinUninterruptibly(helper.thread);
                }
            }
        } finally {
            busy.set(false);
        }
    }

    private static void joinUninterruptibly(Thread thread) {
        boolean interrupted = false;
        while (thread.isAlive()) {
            try {
                thread.join();
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    /** One thread of the pool and what it has seen of the rounds. */
    private final class Worker implements Runnable {

        private final int index;
        private final Thread thread;
        private final Waiter waiter = new Waiter();
        private final BooleanSupplier announced = () -> round != this.seenRound;
        private int seenRound;

        Worker(int index) {
            this.index = index;
            this.thread = Thread.ofPlatform().name("millrace-worker-" + index).daemon()
                    .unstarted(this);
        }

        @Override
        public void run() {
            while (true) {
                waiter.await(announced);
                seenRound = round;
                if (closed) {
                    return;
                }
                runAs(index);
                if (running.decrementAndGet() == 0) {
                    caller.wake();
                }
            }
        }
    }
}
