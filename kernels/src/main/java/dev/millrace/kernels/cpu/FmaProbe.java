package dev.millrace.kernels.cpu;

import dev.millrace.kernels.WorkerPool;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * How many float32 multiply-adds this machine does per second at most, right now: the ceiling of
 * products with many rows, as the speed of memory is the ceiling of products with one. Takes no
 * memory, so nothing but the processor's units and its clock is measured.
 */
public final class FmaProbe {

    private static final VectorSpecies<Float> SPECIES = FloatVector.SPECIES_PREFERRED;
    /** Enough to hide the latency of four cycles of two units, few enough for 16 registers. */
    private static final int ACCUMULATORS = 12;
    /** About four milliseconds on a processor of 2025. */
    private static final int ROUNDS = 1 << 20;
    private static final int WARMING_RUNS = 20;
    private static final int CACHE_LINE_FLOATS = 32;

    private final WorkerPool pool;
    private final float[] sums;

    /** A probe that works with all workers of the pool; warms up. */
    public FmaProbe(WorkerPool pool) {
        this.pool = pool;
        this.sums = new float[pool.workers() * CACHE_LINE_FLOATS];
        for (int i = 0; i < WARMING_RUNS; i++) {
            gigaMacsPerSecond();
        }
    }

    /** Multiply-adds of all workers together, in billions per second. Takes some milliseconds. */
    public double gigaMacsPerSecond() {
        long started = System.nanoTime();
        pool.run((worker, workers) -> sums[worker * CACHE_LINE_FLOATS] = multiplyAdd(ROUNDS));
        long nanos = System.nanoTime() - started;
        return (double) ROUNDS * ACCUMULATORS * SPECIES.length() * pool.workers() / nanos;
    }

    /**
     * Sums that converge, so that no operand ever overflows or becomes denormal, from different
     * starts, so that none can be computed in place of another.
     */
    private static float multiplyAdd(int rounds) {
        FloatVector half = FloatVector.broadcast(SPECIES, 0.5f);
        FloatVector one = FloatVector.broadcast(SPECIES, 1);
        FloatVector a0 = FloatVector.broadcast(SPECIES, 0);
        FloatVector a1 = FloatVector.broadcast(SPECIES, 1);
        FloatVector a2 = FloatVector.broadcast(SPECIES, 2);
        FloatVector a3 = FloatVector.broadcast(SPECIES, 3);
        FloatVector a4 = FloatVector.broadcast(SPECIES, 4);
        FloatVector a5 = FloatVector.broadcast(SPECIES, 5);
        FloatVector a6 = FloatVector.broadcast(SPECIES, 6);
        FloatVector a7 = FloatVector.broadcast(SPECIES, 7);
        FloatVector a8 = FloatVector.broadcast(SPECIES, 8);
        FloatVector a9 = FloatVector.broadcast(SPECIES, 9);
        FloatVector a10 = FloatVector.broadcast(SPECIES, 10);
        FloatVector a11 = FloatVector.broadcast(SPECIES, 11);
        for (int i = 0; i < rounds; i++) {
            a0 = a0.fma(half, one);
            a1 = a1.fma(half, one);
            a2 = a2.fma(half, one);
            a3 = a3.fma(half, one);
            a4 = a4.fma(half, one);
            a5 = a5.fma(half, one);
            a6 = a6.fma(half, one);
            a7 = a7.fma(half, one);
            a8 = a8.fma(half, one);
            a9 = a9.fma(half, one);
            a10 = a10.fma(half, one);
            a11 = a11.fma(half, one);
        }
        FloatVector sum = a0.add(a1).add(a2).add(a3).add(a4).add(a5).add(a6).add(a7).add(a8)
                .add(a9).add(a10).add(a11);
        return sum.lane(0);
    }
}
