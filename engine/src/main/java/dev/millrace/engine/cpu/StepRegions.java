package dev.millrace.engine.cpu;

import dev.millrace.kernels.WorkerPool;

/**
 * Runs the tasks of a step in parallel where that is worth its cost: by token, each worker a share
 * of them, or by item of a queue.
 */
final class StepRegions {

    /** Below this many multiply-adds (about two microseconds) a region costs more than it saves. */
    private static final long SERIAL_MACS = 100_000;
    /** From this many tokens on, the work between the matrices is worth a region. */
    private static final int PARALLEL_TOKENS = 8;

    private final WorkerPool pool;
    private final StepLayout layout;

    /** What tasks that are run by item take their items from. */
    final WorkQueue queue = new WorkQueue();

    StepRegions(WorkerPool pool, StepLayout layout) {
        this.pool = pool;
        this.layout = layout;
    }

    /** Runs a task that splits the tokens evenly. */
    void runByToken(WorkerPool.Task task) {
        runByRow(task, layout.tokens);
    }

    /** Runs a task that splits so many rows evenly. */
    void runByRow(WorkerPool.Task task, int rows) {
        if (rows < PARALLEL_TOKENS) {
            task.run(0, 1);
        } else {
            pool.run(task);
        }
    }

    /** Runs a task that takes its items from the queue; the multiply-adds are all items'. */
    void runFromQueue(WorkerPool.Task task, int items, long macs) {
        if (macs < SERIAL_MACS) {
            queue.reset(items, 1);
            task.run(0, 1);
        } else {
            queue.reset(items, pool.workers());
            pool.run(task);
        }
    }

    /** The first token of a worker's share. */
    int share(int worker, int workers) {
        return share(layout.tokens, worker, workers);
    }

    /** The first row of a worker's share. */
    static int share(int rows, int worker, int workers) {
        return (int) ((long) rows * worker / workers);
    }
}
