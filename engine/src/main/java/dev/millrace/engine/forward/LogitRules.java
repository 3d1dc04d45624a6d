package dev.millrace.engine.forward;

/**
 * What a request says about single tokens, whatever their logits. Arrays may be empty, and only
 * {@code allowed} may be null.
 *
 * @param biasTokens  tokens with a bias, each once
 * @param biasValues  added to their logits
 * @param allowed     one bit per token as in a mask of {@link SamplingRow}; clear bits are
 *                    forbidden; null for all
 * @param banned      the last token of each of these is forbidden where the completion ends with
 *                    those before it
 * @param endTokens   held back while the completion has fewer than {@code leastTokens}, as long as
 *                    anything else may be said
 * @param leastTokens of the completion before it may end
 */
public record LogitRules(int[] biasTokens, float[] biasValues, long[] allowed, int[][] banned,
        int[] endTokens, int leastTokens) {

    public static final LogitRules NONE = biased(new int[0], new float[0]);

    /** A bias and nothing else. */
    public static LogitRules biased(int[] tokens, float[] values) {
        return new LogitRules(tokens, values, null, new int[0][], new int[0], 0);
    }

    /** Whether they change no logit. */
    boolean isEmpty() {
        return biasTokens.length == 0 && allowed == null && !usesHistory();
    }

    /** Whether any of them looks at what was said. */
    boolean usesHistory() {
        return banned.length > 0 || leastTokens > 0;
    }
}
