package dev.millrace.engine;

import dev.millrace.engine.forward.DryPenalty;
import dev.millrace.engine.forward.Penalties;
import dev.millrace.engine.forward.TokenFilters;
import java.util.Map;
import java.util.Objects;

/**
 * A request's sampling settings, as validated; see
 * {@link dev.millrace.engine.forward.SamplingRow} for what each does.
 *
 * @param tokens what the request says about single tokens
 */
public record SamplingParameters(TokenFilters filters, Penalties penalties, TokenRules tokens,
        long seed) {

    public static final SamplingParameters GREEDY = new SamplingParameters(TokenFilters.GREEDY,
            Penalties.NONE, TokenRules.NONE, 0);

    public SamplingParameters {
        requireFilters(filters);
        requireRange("repetitionPenalty", penalties.repetition(), 1e-3f, 1e3f);
        requireRange("presencePenalty", penalties.presence(), -100, 100);
        requireRange("frequencyPenalty", penalties.frequency(), -100, 100);
        if (penalties.lastTokens() < -1) {
            throw new IllegalArgumentException("penalties look at -1, for all, or a number of the"
                    + " last tokens; got " + penalties.lastTokens());
        }
        requireDry(penalties.dry());
        Objects.requireNonNull(tokens, "tokens");
    }

    /** Without what few requests use. */
    public SamplingParameters(float temperature, int topK, float topP, float minP, long seed,
            float repetitionPenalty, float presencePenalty, float frequencyPenalty,
            Map<Integer, Float> logitBias) {
        this(TokenFilters.of(temperature, topK, topP, minP),
                Penalties.of(repetitionPenalty, presencePenalty, frequencyPenalty),
                TokenRules.biased(logitBias), seed);
    }

    /** The same with another seed. */
    public SamplingParameters seeded(long other) {
        return new SamplingParameters(filters, penalties, tokens, other);
    }

    private static void requireFilters(TokenFilters filters) {
        requireRange("temperature", filters.temperature(), 0, 100);
        requireRange("topP", filters.topP(), 0, 1);
        requireRange("minP", filters.minP(), 0, 1);
        requireRange("typicalP", filters.typicalP(), 0, 1);
        requireRange("topNSigma", filters.topNSigma(), 0, 1000);
        requireRange("xtcProbability", filters.xtcProbability(), 0, 1);
        requireRange("xtcThreshold", filters.xtcThreshold(), 0, 1);
        if (filters.topK() < 0) {
            throw new IllegalArgumentException("topK must not be negative, got " + filters.topK());
        }
    }

    private static void requireDry(DryPenalty dry) {
        requireRange("the DRY multiplier", dry.multiplier(), 0, 1000);
        requireRange("the DRY base", dry.base(), 1, 1000);
        if (dry.allowedLength() < 0 || dry.range() < -1) {
            throw new IllegalArgumentException("the DRY penalty's allowed length must not be"
                    + " negative, and its range -1 for all or a number of tokens; got "
                    + dry.allowedLength() + " and " + dry.range());
        }
    }

    private static void requireRange(String name, float value, float least, float most) {
        if (!(value >= least && value <= most)) {
            throw new IllegalArgumentException(name + " must be between " + least + " and " + most
                    + ", got " + value);
        }
    }
}
