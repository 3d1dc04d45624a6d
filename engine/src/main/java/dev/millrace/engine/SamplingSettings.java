package dev.millrace.engine;

import dev.millrace.engine.forward.LogitRules;
import dev.millrace.engine.forward.SamplingRow;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/** One request's sampling settings in the form that steps want. */
final class SamplingSettings {

    private static final int[] NO_TOKENS = {};
    static final long[][] NO_MASKS = {};

    private final SamplingParameters parameters;
    private final LogitRules rules;
    private final long[][] masks;
    private final SamplingRow fixed;

    /** @param masks one, whose bits may change from token to token; or none for no constraint */
    SamplingSettings(GenerationRequest request, Vocabulary vocabulary, long[][] masks) {
        this.parameters = request.sampling();
        this.rules = rules(request, vocabulary);
        this.masks = masks;
        fixed = row(NO_TOKENS, 0, 0, masks);
    }

    private static LogitRules rules(GenerationRequest request, Vocabulary vocabulary) {
        TokenRules rules = request.sampling().tokens();
        int[] biasTokens = rules.logitBias().keySet().stream().mapToInt(Integer::intValue)
                .sorted().toArray();
        float[] biasValues = new float[biasTokens.length];
        for (int i = 0; i < biasTokens.length; i++) {
            biasValues[i] = rules.logitBias().get(biasTokens[i]);
        }
        int[] endTokens = rules.leastTokens() == 0
                ? NO_TOKENS
                : IntStream.range(0, vocabulary.size())
                        .filter(token -> request.endsAt(token, vocabulary)).toArray();
        return new LogitRules(biasTokens, biasValues, mask(rules.allowed(), vocabulary.size()),
                rules.banned().toArray(int[][]::new), endTokens, rules.leastTokens());
    }

    private static long[] mask(List<Integer> allowed, int vocabularySize) {
        if (allowed.isEmpty()) {
            return null;
        }
        long[] mask = new long[Math.ceilDiv(vocabularySize, Long.SIZE)];
        for (int token : allowed) {
            mask[token >> 6] |= 1L << token;
        }
        return mask;
    }

    /**
     * The settings for the token after {@code tokens}.
     *
     * @param tokens borrowed until the step is done; read where penalties or rules look back
     */
    SamplingRow row(int[] tokens, int length, int promptTokens) {
        return fixed.usesHistory() ? row(tokens, length, promptTokens, masks) : fixed;
    }

    /** As {@link #row(int[], int, int)}, for that token and drafts after it, a mask for each. */
    SamplingRow row(int[] history, int length, int promptTokens, long[][] draftMasks) {
        return new SamplingRow(parameters.filters(), parameters.penalties(), rules,
                parameters.seed(), history, length, promptTokens, draftMasks);
    }

    /** As {@link #row(int[], int, int)}, after some guesses that the text does not hold. */
    SamplingRow ahead(int[] tokens, int length, int promptTokens, int[] guesses, int count,
            long[][] mask) {
        if (!fixed.usesHistory()) {
            return mask.length == 0 ? fixed : row(NO_TOKENS, 0, 0, mask);
        }
        int[] history = Arrays.copyOf(tokens, length + count);
        System.arraycopy(guesses, 0, history, length, count);
        return row(history, length + count, promptTokens, mask);
    }
}
