package dev.millrace.engine;

import java.util.List;

/**
 * What one step cost and who was in it. Told to the {@link StepObserver} before any token of the
 * step is published.
 *
 * @param deviceNanos time that the device was occupied
 * @param shares      one per sequence in the step, never empty
 */
public record StepRecord(long deviceNanos, List<StepShare> shares) {

    public StepRecord {
        shares = List.copyOf(shares);
    }

    /**
     * One sequence's part in a step.
     *
     * @param requestId       the request that the sequence belongs to
     * @param promptTokens    prompt tokens computed for the first time
     * @param recomputeTokens tokens computed again after preemption
     * @param decodeTokens    completion tokens fed back: 1 in plain decoding, and every guess, also
     *                        those that turn out wrong
     * @param contextTokens   positions attended to, summed over the computed tokens
     */
    public record StepShare(String requestId, int promptTokens, int recomputeTokens,
            int decodeTokens, long contextTokens) {}
}
