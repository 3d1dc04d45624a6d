package dev.millrace.kernels;

/** A fixed set of threads that run one task at a time together; the caller is worker 0. */
public interface WorkerPool extends AutoCloseable {

    /** What every worker runs; {@code worker} is in {@code [0, workers)}. */
    @FunctionalInterface
    interface Task {
        void run(int worker, int workers);
    }

    /** How many threads work, the caller included. */
    int workers();

    /**
     * Runs the task on every worker and returns when all have finished. One caller at a time.
     *
     * @throws RuntimeException the first that a worker threw, after all have stopped
     */
    void run(Task task);

    @Override
    void close();
}
