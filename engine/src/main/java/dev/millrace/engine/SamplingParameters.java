package dev.millrace.engine;

import java.util.Map;

/**
 * A request's sampling settings, as validated; see
 * {@link dev.millrace.engine.forward.SamplingRow} for what each does.
 *
 * @param logitBias added to the logits of these tokens
 */
public record SamplingParameters(float temperature, int topK, float topP, float minP, long seed,
        float repetitionPenalty, float presencePenalty, float frequencyPenalty,
        Map<Integer, Float> logitBias) {

    public static final SamplingParameters GREEDY = new SamplingParameters(0, 0, 1, 0, 0, 1, 0, 0,
            Map.of());

    public SamplingParameters {
        requireRange("temperature", temperature, 0, 100);
        requireRange("topP", topP, 0, 1);
        requireRange("minP", minP, 0, 1);
        requireRange("repetitionPenalty", repetitionPenalty, 1e-3f, 1e3f);
        requireRange("presencePenalty", presencePenalty, -100, 100);
        requireRange("frequencyPenalty", frequencyPenalty, -100, 100);
        if (topK < 0) {
            throw new IllegalArgumentException("topK must not be negative, got " + topK);
        }
        logitBias = Map.copyOf(logitBias);
    }

    private static void requireRange(String name, float value, float least, float most) {
        if (!(value >= least && value <= most)) {
            throw new IllegalArgumentException(name + " must be between " + least + " and " + most
                    + ", got " + value);
        }
    }
}
