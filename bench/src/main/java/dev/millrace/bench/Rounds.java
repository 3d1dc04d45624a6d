package dev.millrace.bench;

import dev.millrace.kernels.WorkerPool;
import java.util.function.DoubleSupplier;

/**
 * A measurement repeated, with the memory's speed read beside each repetition.
 *
 * @param tokensPerSecond what the rounds reached
 * @param bandwidth       memory read just before each of them, in GB/s
 */
record Rounds(Spread tokensPerSecond, Spread bandwidth) {

    /** Runs {@code rounds} rounds after one that is not counted, because it runs cold. */
    static Rounds of(int rounds, WorkerPool pool, DoubleSupplier tokensPerSecond) {
        MemoryProbe probe = new MemoryProbe(pool);
        tokensPerSecond.getAsDouble();
        double[] reached = new double[rounds];
        double[] bandwidth = new double[rounds];
        for (int i = 0; i < rounds; i++) {
            bandwidth[i] = probe.gigabytesPerSecond();
            reached[i] = tokensPerSecond.getAsDouble();
        }
        return new Rounds(Spread.of(reached), Spread.of(bandwidth));
    }
}
