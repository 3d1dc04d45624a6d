package dev.millrace.server.openai;

import dev.millrace.engine.SamplingParameters;
import dev.millrace.engine.constrain.TokenConstraint;
import java.util.List;

/**
 * What chat and plain completions have in common, validated.
 *
 * @param sampling      how to draw; its seed is the first choice's
 * @param maxTokens     most tokens to sample, or {@link #NOT_GIVEN}
 * @param choices       completions per prompt
 * @param stopSequences in UTF-8
 * @param stopTokens    tokens that end a completion
 * @param ignoreEnd     whether to go on past the model's own end
 * @param topLogprobs   likeliest tokens to report per position, or -1 for no log probabilities
 * @param stream        whether to answer as an event stream
 * @param includeUsage  whether that stream ends with the usage
 * @param cacheSalt     prefixes are shared only among equal salts
 * @param constraint    what every completion must satisfy; null for anything
 */
record GenerationOptions(SamplingParameters sampling, int maxTokens, int choices,
        List<byte[]> stopSequences, int[] stopTokens, boolean ignoreEnd, int topLogprobs,
        boolean stream, boolean includeUsage, String cacheSalt, TokenConstraint constraint) {

    /** The endpoint's own default applies. */
    static final int NOT_GIVEN = 0;

    /** The same under a constraint, which may be null. */
    GenerationOptions constrained(TokenConstraint wanted) {
        return new GenerationOptions(sampling, maxTokens, choices, stopSequences, stopTokens,
                ignoreEnd, topLogprobs, stream, includeUsage, cacheSalt, wanted);
    }

    /** Settings of one choice: the first keeps the seed, the others' seeds follow from it. */
    SamplingParameters samplingOf(int choice) {
        return new SamplingParameters(sampling.temperature(), sampling.topK(), sampling.topP(),
                sampling.minP(), choice == 0 ? sampling.seed() : mix(sampling.seed() + choice),
                sampling.repetitionPenalty(), sampling.presencePenalty(),
                sampling.frequencyPenalty(), sampling.logitBias());
    }

    /** The finaliser of SplitMix64 (Steele, Lea, Flood 2014): neighbours become unrelated. */
    private static long mix(long value) {
        long mixed = (value ^ (value >>> 30)) * 0xbf58476d1ce4e5b9L;
        mixed = (mixed ^ (mixed >>> 27)) * 0x94d049bb133111ebL;
        return mixed ^ (mixed >>> 31);
    }
}
