package dev.millrace.bench.serve;

/**
 * A request of a workload.
 *
 * @param atNanos      when it is due, counted from the start
 * @param promptTokens tokens in
 * @param outputTokens tokens out, exactly: the end of the text is ignored
 */
record PlannedRequest(long atNanos, int promptTokens, int outputTokens) {

    PlannedRequest {
        if (atNanos < 0 || promptTokens < 1 || outputTokens < 1) {
            throw new IllegalArgumentException("a request is due at " + atNanos
                    + " ns with " + promptTokens + " tokens in and " + outputTokens
                    + " out; none may be negative, and tokens must be at least 1");
        }
    }
}
