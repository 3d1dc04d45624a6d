package dev.millrace.server.metering;

import java.util.List;

/**
 * How long the parts of a step take, so that a step's time can be shared among the sequences in it:
 * reading the weights is shared equally, arithmetic goes by computed tokens, attention by positions
 * attended to. Only the ratios matter.
 *
 * @param fixedNanos   one step, whoever is in it: reading the weights once
 * @param tokenNanos   each computed token
 * @param contextNanos each position attended to by a computed token
 */
public record StepWeights(double fixedNanos, double tokenNanos, double contextNanos) {

    /**
     * Where nothing was measured: the ratios of a model of a billion 4-bit weights on a CPU, whose
     * weights (0.6 GB) are read in four times what a token's arithmetic takes, and where a position
     * of cache (22 KB) is 1/28,000 of the weights.
     */
    public static final StepWeights DEFAULT = new StepWeights(1_000_000, 250_000, 36);

    private static final double MOST_NANOS = 1e12;
    private static final int FIXED = 1;
    private static final int TOKEN = 2;
    private static final int CONTEXT = 4;

    /** A measured step. */
    public record Sample(long tokens, long contextTokens, long nanos) {}

    public StepWeights {
        requireRange("fixedNanos", fixedNanos);
        requireRange("tokenNanos", tokenNanos);
        requireRange("contextNanos", contextNanos);
        if (fixedNanos + tokenNanos + contextNanos == 0) {
            throw new IllegalArgumentException("at least one weight must be above 0");
        }
    }

    /** The weight of one sequence in a step of so many; relative to the others' alone. */
    double of(int sequences, long tokens, long contextTokens) {
        return fixedNanos / sequences + tokens * tokenNanos + contextTokens * contextNanos;
    }

    /**
     * The weights that explain measured steps best: least squares with no weight below 0. With
     * three unknowns the optimum is the plain solution over some subset of them that has no
     * negative part, so all seven subsets are tried.
     *
     * @throws IllegalArgumentException if the samples cannot tell the parts apart (fewer than
     *                                  three, or no two with different token counts)
     */
    public static StepWeights calibrate(List<Sample> samples) {
        if (samples.size() < 3
                || samples.stream().mapToLong(Sample::tokens).distinct().count() < 2) {
            throw new IllegalArgumentException("calibration needs at least 3 steps of at least 2"
                    + " different token counts, got " + samples);
        }
        double[] best = null;
        double leastError = Double.POSITIVE_INFINITY;
        for (int parts = FIXED; parts <= (FIXED | TOKEN | CONTEXT); parts++) {
            double[] candidate = leastSquares(samples, parts);
            double error = candidate == null ? Double.POSITIVE_INFINITY : error(samples, candidate);
            if (error < leastError) {
                leastError = error;
                best = candidate;
            }
        }
        if (best == null) {
            throw new IllegalArgumentException("no weights explain the steps " + samples);
        }
        return new StepWeights(best[0], best[1], best[2]);
    }

    /** Solves the normal equations over the chosen parts; null if singular or partly negative. */
    private static double[] leastSquares(List<Sample> samples, int parts) {
        double[][] equations = new double[3][4]; // (part, part and right-hand side)
        for (Sample sample : samples) {
            double[] row = row(sample, parts);
            for (int i = 0; i < 3; i++) {
                for (int j = 0; j < 3; j++) {
                    equations[i][j] += row[i] * row[j];
                }
                equations[i][3] += row[i] * sample.nanos();
            }
        }
        for (int i = 0; i < 3; i++) {
            if ((parts & 1 << i) == 0) {
                equations[i][i] = 1; // pins an unused part to 0
            }
        }
        return solve(equations);
    }

    private static double[] solve(double[][] equations) {
        for (int pivot = 0; pivot < 3; pivot++) {
            double scale = equations[pivot][pivot];
            if (!(Math.abs(scale) > 1e-9)) {
                return null;
            }
            for (int i = 0; i < 3; i++) {
                double factor = i == pivot ? 0 : equations[i][pivot] / scale;
                for (int j = pivot; j < 4; j++) {
                    equations[i][j] -= factor * equations[pivot][j];
                }
            }
        }
        double[] solution = new double[3];
        for (int i = 0; i < 3; i++) {
            solution[i] = equations[i][3] / equations[i][i];
            if (!(solution[i] >= 0)) {
                return null;
            }
        }
        return solution;
    }

    private static double error(List<Sample> samples, double[] weights) {
        double error = 0;
        for (Sample sample : samples) {
            double[] row = row(sample, FIXED | TOKEN | CONTEXT);
            double difference = row[0] * weights[0] + row[1] * weights[1] + row[2] * weights[2]
                    - sample.nanos();
            error += difference * difference;
        }
        return error;
    }

    private static double[] row(Sample sample, int parts) {
        return new double[]{(parts & FIXED) == 0 ? 0 : 1, (parts & TOKEN) == 0
                ? 0
                : sample.tokens(),
            (parts & CONTEXT) == 0 ? 0 : sample.contextTokens()};
    }

    private static void requireRange(String name, double nanos) {
        if (!(nanos >= 0 && nanos <= MOST_NANOS)) {
            throw new IllegalArgumentException(name + " must be between 0 and " + MOST_NANOS
                    + " ns, got " + nanos);
        }
    }
}
