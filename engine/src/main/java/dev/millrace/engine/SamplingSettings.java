package dev.millrace.engine;

import dev.millrace.engine.forward.SamplingRow;
import java.util.Arrays;

/** One request's sampling settings in the form that steps want. */
final class SamplingSettings {

    private static final int[] NO_TOKENS = {};
    static final long[][] NO_MASKS = {};

    private final SamplingParameters parameters;
    private final int[] biasTokens;
    private final float[] biasValues;
    private final long[][] masks;
    private final SamplingRow fixed;

    SamplingSettings(SamplingParameters parameters) {
        this(parameters, NO_MASKS);
    }

    /** @param masks one, whose bits may change from token to token; or none for no constraint */
    SamplingSettings(SamplingParameters parameters, long[][] masks) {
        this.parameters = parameters;
        this.masks = masks;
        biasTokens = parameters.logitBias().keySet().stream().mapToInt(Integer::intValue).sorted()
                .toArray();
        biasValues = new float[biasTokens.length];
        for (int i = 0; i < biasTokens.length; i++) {
            biasValues[i] = parameters.logitBias().get(biasTokens[i]);
        }
        fixed = row(NO_TOKENS, 0, masks);
    }

    /** The settings for the token after {@code tokens}; penalties need a copy of these. */
    SamplingRow row(int[] tokens, int length, int promptTokens) {
        return fixed.penalises()
                ? row(Arrays.copyOf(tokens, length), promptTokens, masks)
                : fixed;
    }

    /** As {@link #row(int[], int, int)}, for that token and drafts after it, a mask for each. */
    SamplingRow row(int[] tokens, int length, int promptTokens, long[][] draftMasks) {
        return row(fixed.penalises() ? Arrays.copyOf(tokens, length) : NO_TOKENS, promptTokens,
                draftMasks);
    }

    private SamplingRow row(int[] history, int historyPrompt, long[][] masks) {
        return new SamplingRow(parameters.temperature(), parameters.topK(), parameters.topP(),
                parameters.minP(), parameters.seed(), parameters.repetitionPenalty(),
                parameters.presencePenalty(), parameters.frequencyPenalty(), history,
                historyPrompt, biasTokens, biasValues, masks);
    }
}
