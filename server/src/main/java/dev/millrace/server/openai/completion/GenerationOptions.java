package dev.millrace.server.openai.completion;

import dev.millrace.engine.SamplingParameters;
import dev.millrace.engine.constrain.CompletionConstraint;
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
 * @param answer        what is shown of the completions
 */
public record GenerationOptions(SamplingParameters sampling, int maxTokens, int choices,
        List<byte[]> stopSequences, int[] stopTokens, boolean ignoreEnd, int topLogprobs,
        boolean stream, boolean includeUsage, String cacheSalt, CompletionConstraint constraint,
        AnswerOptions answer) {

    /** The endpoint's own default applies. */
    public static final int NOT_GIVEN = 0;

    /** The same under a constraint, which may be null. */
    public GenerationOptions constrained(CompletionConstraint wanted) {
        return new GenerationOptions(sampling, maxTokens, choices, stopSequences, stopTokens,
                ignoreEnd, topLogprobs, stream, includeUsage, cacheSalt, wanted, answer);
    }

    /** Settings of one choice: the first keeps the seed, the others' seeds follow from it. */
    public SamplingParameters samplingOf(int choice) {
        return choice == 0 ? sampling : sampling.seeded(mix(sampling.seed() + choice));
    }

    /** Generations for each prompt; no fewer than choices. */
    public int candidates() {
        return answer.candidates();
    }

    /** Log probabilities that the engine must report: those asked for, and what choosing needs. */
    int reportedLogprobs() {
        return candidates() > choices ? Math.max(0, topLogprobs) : topLogprobs;
    }

    /** The finaliser of SplitMix64 (Steele, Lea, Flood 2014): neighbours become unrelated. */
    private static long mix(long value) {
        long mixed = (value ^ (value >>> 30)) * 0xbf58476d1ce4e5b9L;
        mixed = (mixed ^ (mixed >>> 27)) * 0x94d049bb133111ebL;
        return mixed ^ (mixed >>> 31);
    }
}
