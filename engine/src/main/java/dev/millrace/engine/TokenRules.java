package dev.millrace.engine;

import java.util.List;
import java.util.Map;

/**
 * What a request says about single tokens, whatever the model thinks of them.
 *
 * @param logitBias   added to the logits of these tokens
 * @param allowed     only these may be said; empty for all
 * @param banned      sequences that may not be said: the last token of each is forbidden where
 *                    those before it have just been said
 * @param leastTokens of the completion before anything may end it, unless a constraint lets nothing
 *                    else through
 */
public record TokenRules(Map<Integer, Float> logitBias, List<Integer> allowed, List<int[]> banned,
        int leastTokens) {

    public static final TokenRules NONE = biased(Map.of());

    public TokenRules {
        logitBias = Map.copyOf(logitBias);
        allowed = List.copyOf(allowed);
        banned = List.copyOf(banned);
        if (leastTokens < 0) {
            throw new IllegalArgumentException("leastTokens must not be negative, got "
                    + leastTokens);
        }
        for (int[] sequence : banned) {
            if (sequence.length == 0) {
                throw new IllegalArgumentException("a banned sequence needs at least one token");
            }
        }
    }

    /** A bias and nothing else. */
    public static TokenRules biased(Map<Integer, Float> logitBias) {
        return new TokenRules(logitBias, List.of(), List.of(), 0);
    }
}
