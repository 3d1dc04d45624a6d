package dev.millrace.bench.attribution;

import java.util.Arrays;
import java.util.stream.IntStream;

/**
 * What the steps of every subset took.
 *
 * @param nanos (subsets by their bits, rounds); nothing for the subset of none
 */
record SubsetTimes(double[][] nanos) {

    private static final int HALVES = 2;

    /** Of each subset the median in nanoseconds; 0 for none. */
    double[] medians() {
        return medians(0, 1);
    }

    private double[] medians(int first, int every) {
        return Arrays.stream(nanos).mapToDouble(times -> {
            double[] sorted = IntStream.range(0, times.length)
                    .filter(round -> round % every == first).mapToDouble(round -> times[round])
                    .sorted().toArray();
            return (sorted[(sorted.length - 1) / 2] + sorted[sorted.length / 2]) / 2;
        }).toArray();
    }

    /**
     * How far Shapley's values of the medians are themselves off by chance, as the part of the step
     * that they put with the wrong sequence: half of what those of every other round differ from
     * those of the rounds between. For two halves, each with twice the variance of the whole,
     * differ by four times the variance.
     *
     * @return NaN with fewer than two rounds
     */
    double noise() {
        if (nanos[0].length < HALVES) {
            return Double.NaN;
        }
        double[] even = ShapleyValues.of(medians(0, HALVES));
        double[] odd = ShapleyValues.of(medians(1, HALVES));
        return ShareError.of(even, odd).misplaced() / HALVES;
    }
}
