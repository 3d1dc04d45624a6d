package dev.millrace.engine.constrain;

import java.util.Arrays;

/**
 * The tokens that one state of a rule allows whatever called the rule, and where in the trie its
 * rule may have ended with more to come.
 *
 * @param tokens as a set
 * @param exits  nodes with something below them
 */
record StateTokens(TokenSet tokens, int[] exits) {

    long bytes() {
        return tokens.bytes() + 4L * exits.length;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof StateTokens state && tokens.equals(state.tokens)
                && Arrays.equals(exits, state.exits);
    }

    @Override
    public int hashCode() {
        return 31 * tokens.hashCode() + Arrays.hashCode(exits);
    }
}
