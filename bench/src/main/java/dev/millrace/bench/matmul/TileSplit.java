package dev.millrace.bench.matmul;

import dev.millrace.kernels.WorkerPool;
import dev.millrace.kernels.cpu.Activations;
import dev.millrace.kernels.cpu.CpuKernels;
import dev.millrace.kernels.cpu.CpuMatrix;
import java.util.concurrent.atomic.AtomicInteger;

/** One product by all workers of a pool, who take runs of tiles as they come. */
final class TileSplit {

    /** As a forward pass does it: a worker that is held up delays the others by one run at most. */
    private static final int RUNS_PER_WORKER = 8;

    private final CpuKernels kernels;
    private final WorkerPool pool;
    private final WorkerPool.Task task = this::multiplyRuns;
    private final AtomicInteger next = new AtomicInteger();
    private CpuMatrix weight;
    private Activations x;
    private int rows;
    private float[] y;
    private int runOutputs;

    TileSplit(CpuKernels kernels, WorkerPool pool) {
        this.kernels = kernels;
        this.pool = pool;
    }

    /** {@code y = x * weight^T} for the first rows of x. */
    void multiply(CpuMatrix weight, Activations x, int rows, float[] y) {
        this.weight = weight;
        this.x = x;
        this.rows = rows;
        this.y = y;
        int tiles = Math.ceilDiv(weight.rows(), weight.rowTile());
        int runs = pool.workers() == 1 ? 1 : pool.workers() * RUNS_PER_WORKER;
        runOutputs = Math.ceilDiv(tiles, runs) * weight.rowTile();
        next.set(0);
        pool.run(task);
    }

    private void multiplyRuns(int worker, int workers) {
        for (int begin = next.getAndAdd(runOutputs); begin < weight.rows(); begin = next
                .getAndAdd(runOutputs)) {
            kernels.multiply(weight, x, rows, y, begin,
                    Math.min(begin + runOutputs, weight.rows()));
        }
    }
}
