package dev.millrace.engine;

import dev.millrace.engine.forward.SequenceRow;
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

    /** Whether it was a draft model's step: then all of its shares are. */
    public boolean drafts() {
        return !shares.isEmpty() && shares.getFirst().draftTokens() > 0;
    }

    /**
     * One sequence's part in a step.
     *
     * @param requestId       the request that the sequence belongs to
     * @param promptTokens    prompt tokens computed for the first time
     * @param recomputeTokens tokens computed again after preemption
     * @param decodeTokens    completion tokens fed back: 1 in plain decoding, and every guess that
     *                        turned out right
     * @param rejectedTokens  guesses that the model did not say
     * @param draftTokens     tokens that a draft model computed, to guess; then nothing else
     * @param contextTokens   positions attended to, summed over the computed tokens
     * @param adapterSlot     the adapter that its tokens go through, or
     *                        {@link SequenceRow#NO_ADAPTER}
     * @param adapterParameters of that adapter; 0 without one
     */
    public record StepShare(String requestId, int promptTokens, int recomputeTokens,
            int decodeTokens, int rejectedTokens, int draftTokens, long contextTokens,
            int adapterSlot, long adapterParameters) {

        /** Of a sequence without an adapter. */
        public StepShare(String requestId, int promptTokens, int recomputeTokens,
                int decodeTokens, int rejectedTokens, int draftTokens, long contextTokens) {
            this(requestId, promptTokens, recomputeTokens, decodeTokens, rejectedTokens,
                    draftTokens, contextTokens, SequenceRow.NO_ADAPTER, 0);
        }

        /** Of a sequence for which nothing was guessed wrong. */
        public StepShare(String requestId, int promptTokens, int recomputeTokens,
                int decodeTokens, long contextTokens) {
            this(requestId, promptTokens, recomputeTokens, decodeTokens, 0, 0, contextTokens);
        }

        /** In a step of a draft model. */
        static StepShare drafted(String requestId, int tokens, long contextTokens) {
            return new StepShare(requestId, 0, 0, 0, 0, tokens, contextTokens);
        }

        /** All tokens that were computed. */
        public long tokens() {
            return (long) promptTokens + recomputeTokens + decodeTokens + rejectedTokens
                    + draftTokens;
        }

        /** The same, once it is known how many of the decoded tokens were wrong guesses. */
        StepShare rejecting(int tokens) {
            return new StepShare(requestId, promptTokens, recomputeTokens, decodeTokens - tokens,
                    rejectedTokens + tokens, draftTokens, contextTokens, adapterSlot,
                    adapterParameters);
        }

        /** The same through an adapter. */
        StepShare through(int slot, long parameters) {
            return new StepShare(requestId, promptTokens, recomputeTokens, decodeTokens,
                    rejectedTokens, draftTokens, contextTokens, slot, parameters);
        }
    }
}
