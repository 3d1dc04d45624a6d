package dev.millrace.server.metering;

import java.util.Arrays;

/**
 * Divides whole units among parties by weight so that nothing is lost: everybody gets the whole
 * units of their quota, and the left-over units go to the largest remainders (Hamilton's method).
 * Equal remainders take turns from one call to the next, or the first party would always win.
 *
 * <p>Not thread-safe; keeps its buffers.
 */
final class StepApportioner {

    /** Most parties to a division: what the sort key has room for. */
    static final int MOST_PARTIES = 1 << 16;

    private static final int PARTY_BITS = 16;

    /** Weights are scaled so that their sum stays below this and products fit a long. */
    private static final long MOST_WEIGHT = 1L << 31;

    private long[] scaled = new long[16];
    private long[] keys = new long[16];
    private int turn;

    /**
     * Divides {@code total} by the first {@code parties} weights.
     *
     * @param total   units to divide, at least 0
     * @param weights finite and not negative; if all are 0 they count as equal
     * @param shares  receives the shares; their sum is {@code total}
     */
    void apportion(long total, double[] weights, int parties, long[] shares) {
        if (total < 0) {
            throw new IllegalArgumentException("cannot divide a negative total: " + total);
        }
        if (parties < 1 || parties > MOST_PARTIES) {
            throw new IllegalArgumentException("parties must be between 1 and " + MOST_PARTIES
                    + ", got " + parties);
        }
        if (parties == 1) {
            shares[0] = total;
            return;
        }
        if (scaled.length < parties) {
            scaled = new long[Integer.highestOneBit(parties - 1) << 1];
            keys = new long[scaled.length];
        }
        long sum = scale(weights, parties);
        turn = (turn + 1) % parties;
        long left = total;
        long whole = total / sum;
        long rest = total % sum;
        for (int i = 0; i < parties; i++) {
            long part = rest * scaled[i];
            shares[i] = whole * scaled[i] + part / sum;
            left -= shares[i];
            int rank = i >= turn ? i - turn : i - turn + parties;
            keys[i] = part % sum << PARTY_BITS | rank;
        }
        if (left > 0) {
            Arrays.sort(keys, 0, parties);
            for (int i = parties - 1; left > 0; i--, left--) {
                int rank = (int) keys[i] & MOST_PARTIES - 1;
                shares[(rank + turn) % parties]++;
            }
        }
    }

    /** Turns the weights into whole numbers whose sum is at most {@link #MOST_WEIGHT}. */
    private long scale(double[] weights, int parties) {
        double sum = 0;
        for (int i = 0; i < parties; i++) {
            if (!(weights[i] >= 0 && weights[i] < Double.POSITIVE_INFINITY)) {
                throw new IllegalArgumentException("a weight must be finite and not negative, got "
                        + weights[i]);
            }
            sum += weights[i];
        }
        double factor = sum > 0 ? (MOST_WEIGHT - MOST_PARTIES) / sum : 0;
        long total = 0;
        for (int i = 0; i < parties; i++) {
            scaled[i] = sum > 0 ? (long) (weights[i] * factor) : 1;
            total += scaled[i];
        }
        return total;
    }
}
