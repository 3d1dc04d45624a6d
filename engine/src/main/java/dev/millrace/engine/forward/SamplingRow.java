package dev.millrace.engine.forward;

/**
 * How a row's next tokens are drawn. The noise is a function of {@code (seed, position)}, so a draw
 * does not depend on the batch. Arrays are borrowed and may be empty, never null.
 *
 * <p>Order: masks and rules, penalties, then the filters in their own order, then the draw.
 *
 * @param filters       temperature, and which of the likely tokens remain
 * @param penalties     what tokens lose for having been said
 * @param rules         what the request says about single tokens
 * @param seed          of the request
 * @param history       prompt and completion so far, in its first {@code historyTokens} elements;
 *                      read if {@link #usesHistory}. Where several positions are sampled, it ends
 *                      at the first of them, and the row's own tokens after that count as
 *                      completion
 * @param historyTokens how many of {@code history} there are
 * @param historyPrompt how many of these are prompt
 * @param masks         one per sampled position, each null for no constraint; or empty for none. A
 *                      mask holds one bit per token, token t at bit {@code t & 63} of word
 *                      {@code t >> 6}; clear bits are forbidden
 */
public record SamplingRow(TokenFilters filters, Penalties penalties, LogitRules rules, long seed,
        int[] history, int historyTokens, int historyPrompt, long[][] masks) {

    private static final int[] NO_TOKENS = {};
    private static final long[][] NO_MASKS = {};

    /** Always the likeliest token. */
    public static final SamplingRow GREEDY = of(TokenFilters.GREEDY, 0);

    /** Plain sampling without penalties, bias or masks. */
    public static SamplingRow of(float temperature, int topK, float topP, float minP, long seed) {
        return of(TokenFilters.of(temperature, topK, topP, minP), seed);
    }

    /** Sampling without penalties, rules or masks. */
    public static SamplingRow of(TokenFilters filters, long seed) {
        return new SamplingRow(filters, Penalties.NONE, LogitRules.NONE, seed, NO_TOKENS, 0, 0,
                NO_MASKS);
    }

    /** The same with penalties after a text of which the first {@code prompt} tokens are prompt. */
    public SamplingRow penalised(Penalties wanted, int[] text, int prompt) {
        return new SamplingRow(filters, wanted, rules, seed, text, text.length, prompt, masks);
    }

    /** The same with rules. */
    public SamplingRow ruled(LogitRules wanted) {
        return new SamplingRow(filters, penalties, wanted, seed, history, historyTokens,
                historyPrompt, masks);
    }

    /** The same with a mask for each sampled position. */
    public SamplingRow masked(long[]... wanted) {
        return new SamplingRow(filters, penalties, rules, seed, history, historyTokens,
                historyPrompt, wanted);
    }

    /** Whether the token of the largest logit is what will be drawn, whatever the logits. */
    public boolean isPlainGreedy() {
        return filters.temperature() == 0 && !penalties.any() && rules.isEmpty()
                && masks.length == 0;
    }

    /** Whether {@code history} makes a difference. */
    public boolean usesHistory() {
        return penalties.any() || rules.usesHistory();
    }
}
