package dev.millrace.server.metering;

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
     * The ratios of a model of a billion 4-bit weights on a CPU, whose
     * weights (0.6 GB) are read in four times what a token's arithmetic takes, and where a position
     * of cache (22 KB) is 1/28,000 of the weights.
     */
    public static final StepWeights DEFAULT = new StepWeights(1_000_000, 250_000, 36);

    private static final double MOST_NANOS = 1e12;

    public StepWeights {
        requireRange("fixedNanos", fixedNanos);
        requireRange("tokenNanos", tokenNanos);
        requireRange("contextNanos", contextNanos);
        if (fixedNanos + tokenNanos + contextNanos == 0) {
            throw new IllegalArgumentException("at least one weight must be above 0");
        }
    }

    /** The weight of one sequence in a step of so many; relative to the others' alone. */
    public double of(int sequences, long tokens, long contextTokens) {
        return fixedNanos / sequences + tokens * tokenNanos + contextTokens * contextNanos;
    }

    /** What some of a sequence's tokens add to a step that it is in anyway. */
    double added(long some, long tokens, long contextTokens) {
        return some == 0
                ? 0
                : some * tokenNanos + contextNanos * contextTokens * ((double) some / tokens);
    }

    private static void requireRange(String name, double nanos) {
        if (!(nanos >= 0 && nanos <= MOST_NANOS)) {
            throw new IllegalArgumentException(name + " must be between 0 and " + MOST_NANOS
                    + " ns, got " + nanos);
        }
    }
}
