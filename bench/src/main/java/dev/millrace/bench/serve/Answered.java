package dev.millrace.bench.serve;

/**
 * How a request went. Times are counted from the start of the run, in nanoseconds.
 *
 * @param dueNanos   when it was due; latencies count from here, also where it was sent late
 * @param firstNanos when its first token came; 0 if none did
 * @param endNanos   when its answer ended
 * @param tokens     tokens of the answer, as the server counts them
 * @param promptTokens of its prompt, and
 * @param cachedTokens of these, which the server had computed before, as it counts them
 * @param gaps       nanoseconds between one piece of the answer and the next
 * @param costUsd    what the server says it cost; NaN if it does not
 * @param failure    what went wrong; null if nothing did
 */
record Answered(long dueNanos, long firstNanos, long endNanos, int tokens, int promptTokens,
        int cachedTokens, long[] gaps, double costUsd, String failure) {

    static Answered failed(long dueNanos, long endNanos, String failure) {
        return new Answered(dueNanos, 0, endNanos, 0, 0, 0, new long[0], Double.NaN, failure);
    }

    boolean succeeded() {
        return failure == null;
    }

    /** Time to the first token. */
    double firstMillis() {
        return (firstNanos - dueNanos) * 1e-6;
    }

    double endMillis() {
        return (endNanos - dueNanos) * 1e-6;
    }

    /** Mean time of a token after the first; 0 for an answer of one. */
    double tokenMillis() {
        return tokens < 2 ? 0 : (endNanos - firstNanos) * 1e-6 / (tokens - 1);
    }
}
