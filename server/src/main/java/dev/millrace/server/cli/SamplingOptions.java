package dev.millrace.server.cli;

import dev.millrace.engine.BannedWords;
import dev.millrace.engine.BreakerTokens;
import dev.millrace.engine.SamplingParameters;
import dev.millrace.engine.TokenRules;
import dev.millrace.engine.forward.DryPenalty;
import dev.millrace.engine.forward.Penalties;
import dev.millrace.engine.forward.SequenceBreakers;
import dev.millrace.engine.forward.TokenFilters;
import dev.millrace.models.text.Tokenizer;
import java.security.SecureRandom;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import picocli.CommandLine.Option;

/** How tokens are drawn. */
final class SamplingOptions {

    @Option(names = "--temperature", paramLabel = "T", defaultValue = "0.7",
            description = "0 always takes the likeliest token (default: ${DEFAULT-VALUE}).")
    private float temperature;

    @Option(names = "--top-k", paramLabel = "K", defaultValue = "40",
            description = "Choose among this many; 0 for all (default: ${DEFAULT-VALUE}).")
    private int topK;

    @Option(names = "--top-p", paramLabel = "P", defaultValue = "0.95",
            description = "Choose among the likeliest of this probability together (default:"
                    + " ${DEFAULT-VALUE}).")
    private float topP;

    @Option(names = "--min-p", paramLabel = "P", defaultValue = "0",
            description = "Leave out what has less than this share of the best (default:"
                    + " ${DEFAULT-VALUE}).")
    private float minP;

    @Option(names = "--typical-p", paramLabel = "P", defaultValue = "1",
            description = "Choose among the least surprising of this probability together; 1 for"
                    + " all (default: ${DEFAULT-VALUE}).")
    private float typicalP;

    @Option(names = "--top-n-sigma", paramLabel = "N", defaultValue = "0",
            description = "Leave out logits this many standard deviations below the best; 0 for"
                    + " none (default: ${DEFAULT-VALUE}).")
    private float topNSigma;

    @Option(names = "--xtc-probability", paramLabel = "P", defaultValue = "0",
            description = "How often to exclude the top choices (default: ${DEFAULT-VALUE}).")
    private float xtcProbability;

    @Option(names = "--xtc-threshold", paramLabel = "P", defaultValue = "0.1",
            description = "The probability that makes a top choice (default: ${DEFAULT-VALUE}).")
    private float xtcThreshold;

    @Option(names = "--repetition-penalty", paramLabel = "R", defaultValue = "1",
            description = "Divide what was said before by this; 1 for none (default:"
                    + " ${DEFAULT-VALUE}).")
    private float repetitionPenalty;

    @Option(names = "--presence-penalty", paramLabel = "R", defaultValue = "0",
            description = "Subtract this from what the answer has said (default:"
                    + " ${DEFAULT-VALUE}).")
    private float presencePenalty;

    @Option(names = "--frequency-penalty", paramLabel = "R", defaultValue = "0",
            description = "Subtract this for each time that the answer has said it (default:"
                    + " ${DEFAULT-VALUE}).")
    private float frequencyPenalty;

    @Option(names = "--dry-multiplier", paramLabel = "R", defaultValue = "0",
            description = "Penalise going on with a repeated run of tokens by R * base ^ (run -"
                    + " length); 0 for not (default: ${DEFAULT-VALUE}).")
    private float dryMultiplier;

    @Option(names = "--dry-base", paramLabel = "B", defaultValue = "1.75",
            description = "The base of that (default: ${DEFAULT-VALUE}).")
    private float dryBase;

    @Option(names = "--dry-allowed-length", paramLabel = "N", defaultValue = "2",
            description = "The length of that: shorter runs are free (default: ${DEFAULT-VALUE}).")
    private int dryAllowedLength;

    @Option(names = "--dry-penalty-last-n", paramLabel = "N", defaultValue = "-1",
            description = "Look at the last N tokens; -1 for all (default: ${DEFAULT-VALUE}).")
    private int dryLastTokens;

    @Option(names = "--dry-sequence-breaker", paramLabel = "TEXT",
            description = "A text that ends runs, instead of line ends, colons, quotes and stars;"
                    + " may be given several times.")
    private List<String> dryBreakers = BreakerTokens.DEFAULT;

    @Option(names = "--logit-bias", paramLabel = "ID=B",
            description = "Add B to a token's logit; may be given several times.")
    private Map<Integer, Float> logitBias = Map.of();

    @Option(names = "--bad-word", paramLabel = "TEXT",
            description = "A text that the answer must not contain, as the tokenizer spells it; may"
                    + " be given several times.")
    private List<String> badWords = List.of();

    @Option(names = "--seed", paramLabel = "N", description = "Repeat an earlier choice.")
    private Long seed;

    /** Refuses what is out of range, before a model is loaded for it. */
    void check() {
        if (seed == null) {
            seed = new SecureRandom().nextLong() >>> 1;
        }
        parameters(SequenceBreakers.NONE, TokenRules.NONE);
    }

    /** @param tokenizer asked for only where something must be spelled */
    SamplingParameters parameters(Supplier<Tokenizer> tokenizer, int minTokens) {
        SequenceBreakers breakers = dryMultiplier > 0
                ? BreakerTokens.of(dryBreakers, tokenizer.get())
                : SequenceBreakers.NONE;
        List<int[]> banned = badWords.isEmpty()
                ? List.of()
                : BannedWords.of(badWords, tokenizer.get());
        return parameters(breakers, new TokenRules(logitBias, List.of(), banned, minTokens));
    }

    private SamplingParameters parameters(SequenceBreakers breakers, TokenRules rules) {
        return new SamplingParameters(
                new TokenFilters(temperature, topK, topP, minP, typicalP, topNSigma,
                        xtcProbability, xtcThreshold),
                new Penalties(repetitionPenalty, presencePenalty, frequencyPenalty,
                        new DryPenalty(dryMultiplier, dryBase, dryAllowedLength, dryLastTokens,
                                breakers)),
                rules, seed);
    }

    /** What chance starts from; null where there is none. */
    Long seedInUse() {
        return temperature > 0 ? seed : null;
    }
}
