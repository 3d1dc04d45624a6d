package dev.millrace.server.metering.report;

import java.util.Arrays;
import java.util.Optional;
import java.util.SplittableRandom;

/**
 * How far a ratio of two sums may be off, by resampling blocks of the trace (Künsch 1989): what
 * happens together, such as a busy hour, stays together.
 */
final class Bootstrap {

    /** With fewer blocks an interval would only look like one. */
    static final int LEAST_BLOCKS = 5;

    private static final int ROUNDS = 2_000;
    private static final long SEED = 20_261_121;

    private Bootstrap() {}

    /** The 5th, 50th and 95th percentile of the ratio. */
    record Interval(double p5, double p50, double p95) {}

    /**
     * Resamples; the same trace gives the same interval.
     *
     * @param above the numerator's part of each block
     * @param below the denominator's part of each block
     * @return empty if there are fewer than {@link #LEAST_BLOCKS} blocks with anything below
     */
    static Optional<Interval> ratio(double[] above, double[] below) {
        int[] blocks = new int[below.length];
        int count = 0;
        for (int i = 0; i < below.length; i++) {
            if (below[i] > 0) {
                blocks[count++] = i;
            }
        }
        if (count < LEAST_BLOCKS) {
            return Optional.empty();
        }
        SplittableRandom random = new SplittableRandom(SEED);
        double[] ratios = new double[ROUNDS];
        for (int round = 0; round < ROUNDS; round++) {
            double top = 0;
            double bottom = 0;
            for (int i = 0; i < count; i++) {
                int block = blocks[random.nextInt(count)];
                top += above[block];
                bottom += below[block];
            }
            ratios[round] = top / bottom;
        }
        Arrays.sort(ratios);
        return Optional.of(new Interval(ratios[ROUNDS / 20], ratios[ROUNDS / 2],
                ratios[ROUNDS - 1 - ROUNDS / 20]));
    }
}
