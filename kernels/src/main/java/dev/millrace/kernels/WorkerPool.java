package dev.millrace.kernels;

/** A fixed set of threads that run one task at a time together; the caller is worker 0. */
public interface WorkerPool extends AutoCloseable {

    /** What every worker runs; {@code worker} is in {@code [0, workers)}. */
    @FunctionalInterface
    interface Task {
        void run(int worker, int workers);
    }

    /** Most workers in one pool. */
    int MAX_WORKERS = 1024;

    /**
     * A pool of daemon threads that spin for some microseconds between tasks, then sleep.
     *
     * @param workers threads that work, the caller included; 1 to {@link #MAX_WORKERS}
     */
    static WorkerPool create(int workers) {
        if (workers < 1 || workers > MAX_WORKERS) {
            throw new IllegalArgumentException(
                    "a pool has 1 to " + MAX_WORKERS + " workers, got " + workers);
        }
        return new SpinningWorkerPool(workers);
    }

    /**
     * One worker per processor that this process may use: the JVM counts the affinity mask and, in
     * a container, the cgroup's CPU quota.
     */
    static int defaultWorkers() {
        return Math.min(Runtime.getRuntime().availableProcessors(), MAX_WORKERS);
    }

    /** How many threads work, the caller included. */
    int workers();

    /**
     * Runs the task on every worker and returns when all have finished. What a worker wrote before
     * it finished, the caller sees. An interrupt does not cut the task short; it stays pending.
     *
     * <p>Whatever a worker throws, the first of them, is thrown here after all have stopped.
     *
     * @throws IllegalStateException if the pool is closed, or a task is running: one at a time
     */
    void run(Task task);

    /**
     * Ends the threads; closing again does nothing.
     *
     * @throws IllegalStateException if a task is running
     */
    @Override
    void close();
}
