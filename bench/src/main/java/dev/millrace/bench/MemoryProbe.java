package dev.millrace.bench;

import dev.millrace.kernels.WorkerPool;

/**
 * How fast this machine reads memory right now: the ceiling that decoding is held against. Machines
 * share their memory with neighbours, so a probe stands beside every measurement.
 */
public final class MemoryProbe {

    /** Far beyond any cache. */
    private static final int ELEMENTS = 1 << 26;
    private static final int PIECE = 1 << 14;

    private final long[] memory = new long[ELEMENTS];
    private final long[] sums;
    private final WorkerPool pool;

    /** Takes half a gigabyte of heap; all workers of the pool read. */
    public MemoryProbe(WorkerPool pool) {
        this.pool = pool;
        this.sums = new long[pool.workers() * 16]; // a cache line or two apart
        pool.run((worker, workers) -> {
            for (int i = start(worker, workers); i < start(worker + 1, workers); i++) {
                memory[i] = i;
            }
        });
        for (int i = 0; i < 3; i++) {
            gigabytesPerSecond();
        }
    }

    /** Reads half a gigabyte once with every worker of the pool. */
    public double gigabytesPerSecond() {
        long started = System.nanoTime();
        pool.run((worker, workers) -> {
            long sum = 0;
            int end = start(worker + 1, workers);
            for (int i = start(worker, workers); i < end; i += PIECE) {
                sum += sum(memory, i, Math.min(i + PIECE, end));
            }
            sums[worker * 16] = sum;
        });
        long nanos = System.nanoTime() - started;
        return (double) ELEMENTS * Long.BYTES / nanos;
    }

    /** A plain reduction: the compiler turns it into vector loads and adds. */
    private static long sum(long[] memory, int begin, int end) {
        long sum = 0;
        for (int i = begin; i < end; i++) {
            sum += memory[i];
        }
        return sum;
    }

    private static int start(int worker, int workers) {
        return (int) ((long) ELEMENTS * worker / workers);
    }
}
