package dev.millrace.bench.model;

import dev.millrace.bench.report.Spread;
import java.util.Arrays;
import java.util.function.DoubleSupplier;

/**
 * A measurement repeated, with the memory's speed read beside each repetition.
 *
 * @param tokensPerSecond what each round reached
 * @param bandwidth       memory read just before each of them, in GB/s
 */
public record Rounds(double[] tokensPerSecond, double[] bandwidth) {

    /** Runs {@code count} rounds after one that is not counted, because it runs cold. */
    static Rounds of(int count, DoubleSupplier bandwidthProbe, DoubleSupplier tokensPerSecond) {
        tokensPerSecond.getAsDouble();
        double[] reached = new double[count];
        double[] bandwidth = new double[count];
        for (int i = 0; i < count; i++) {
            bandwidth[i] = bandwidthProbe.getAsDouble();
            reached[i] = tokensPerSecond.getAsDouble();
        }
        return new Rounds(reached, bandwidth);
    }

    public Spread tokensPerSecondSpread() {
        return Spread.of(tokensPerSecond);
    }

    public Spread bandwidthSpread() {
        return Spread.of(bandwidth);
    }

    /** Of the bandwidth read beside each round, what reading so many bytes per token took. */
    public Spread bandwidthShare(double gigabytesPerToken) {
        double[] shares = new double[bandwidth.length];
        Arrays.setAll(shares, i -> tokensPerSecond[i] * gigabytesPerToken / bandwidth[i]);
        return Spread.of(shares);
    }
}
