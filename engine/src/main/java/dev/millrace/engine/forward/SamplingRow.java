package dev.millrace.engine.forward;

/**
 * How a row's next tokens are drawn. The noise is a function of {@code (seed, position)}, so a draw
 * does not depend on the batch. Arrays are borrowed and may be empty, never null.
 *
 * <p>Order: mask, bias, penalties, temperature, top-k, top-p, min-p, draw.
 *
 * @param temperature       0 for greedy
 * @param topK              keep this many; 0 for all
 * @param topP              keep the smallest set of at least this probability; 1 for all
 * @param minP              keep what has at least this share of the best; 0 for all
 * @param seed              of the request
 * @param repetitionPenalty divides positive, multiplies negative logits of seen tokens; 1 for none
 * @param presencePenalty   subtracted once from every token of the completion; 0 for none
 * @param frequencyPenalty  subtracted per occurrence in the completion; 0 for none
 * @param history           prompt and completion so far; what the penalties look at. Where several
 *                          positions are sampled, it ends at the first of them, and the row's own
 *                          tokens after that count as completion
 * @param historyPrompt     how many of {@code history} are prompt
 * @param biasTokens        tokens with a logit bias
 * @param biasValues        added to the logits of {@code biasTokens}
 * @param masks             one per sampled position, each null for no constraint; or empty for
 *                          none. A mask holds one bit per token, token t at bit {@code t & 63} of
 *                          word {@code t >> 6}; clear bits are forbidden
 */
public record SamplingRow(float temperature, int topK, float topP, float minP, long seed,
        float repetitionPenalty, float presencePenalty, float frequencyPenalty, int[] history,
        int historyPrompt, int[] biasTokens, float[] biasValues, long[][] masks) {

    private static final int[] NO_TOKENS = {};
    private static final float[] NO_VALUES = {};
    private static final long[][] NO_MASKS = {};

    /** Always the likeliest token. */
    public static final SamplingRow GREEDY = new SamplingRow(0, 0, 1, 0, 0, 1, 0, 0, NO_TOKENS, 0,
            NO_TOKENS, NO_VALUES, NO_MASKS);

    /** Plain sampling without penalties, bias or masks. */
    public static SamplingRow of(float temperature, int topK, float topP, float minP, long seed) {
        return new SamplingRow(temperature, topK, topP, minP, seed, 1, 0, 0, NO_TOKENS, 0,
                NO_TOKENS, NO_VALUES, NO_MASKS);
    }

    /** Whether any penalty looks at {@code history}. */
    public boolean penalises() {
        return repetitionPenalty != 1 || presencePenalty != 0 || frequencyPenalty != 0;
    }
}
