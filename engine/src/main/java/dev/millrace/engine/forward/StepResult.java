package dev.millrace.engine.forward;

import java.util.List;

/**
 * What a step produced.
 *
 * @param rows        one per row of the batch, in its order
 * @param deviceNanos time that the device was occupied
 */
public record StepResult(List<RowResult> rows, long deviceNanos) {

    private static final int[] NO_TOKENS = {};
    private static final float[] NO_VALUES = {};

    public StepResult {
        rows = List.copyOf(rows);
    }

    /**
     * One row's output; what was not asked for is empty.
     *
     * @param tokens   sampled tokens, one per requested position
     * @param logprobs natural log probability of each sampled (or target) token
     * @param top      per position, the likeliest tokens, best first
     * @param values   full logits, (positions, vocabulary); or the pooled hidden state
     * @param ranks    of each target token, from 1
     * @param poisoned true if a logit was NaN or positive infinity, or no token was allowed: the
     *                 row's tokens mean nothing and the engine fails that request alone
     */
    public record RowResult(int[] tokens, float[] logprobs, List<TopTokens> top, float[] values,
            int[] ranks, boolean poisoned) {

        public static final RowResult EMPTY = new RowResult(NO_TOKENS, NO_VALUES, List.of(),
                NO_VALUES, false);

        public RowResult {
            top = List.copyOf(top);
        }

        /** A result without ranks. */
        public RowResult(int[] tokens, float[] logprobs, List<TopTokens> top, float[] values,
                boolean poisoned) {
            this(tokens, logprobs, top, values, NO_TOKENS, poisoned);
        }
    }

    /** The likeliest tokens of one position with their log probabilities, best first. */
    public record TopTokens(int[] tokens, float[] logprobs) {}
}
