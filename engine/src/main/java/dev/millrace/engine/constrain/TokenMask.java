package dev.millrace.engine.constrain;

import java.util.Arrays;

/**
 * The tokens that may come next in one configuration.
 *
 * @param parts   sets that it shares with other configurations
 * @param further tokens that depend on what called the rules
 * @param ends    tokens that end the text, where it may end
 */
record TokenMask(TokenSet[] parts, TokenSet further, int[] ends) {

    /** Overwrites a mask. */
    void fill(long[] mask) {
        Arrays.fill(mask, 0);
        for (TokenSet part : parts) {
            part.addTo(mask);
        }
        further.addTo(mask);
        for (int token : ends) {
            mask[token >> 6] |= 1L << token;
        }
    }

    /** Whether nothing can come next. */
    boolean isEmpty() {
        for (TokenSet part : parts) {
            if (!part.isEmpty()) {
                return false;
            }
        }
        return further.isEmpty() && ends.length == 0;
    }

    /** Memory that is not shared. */
    long bytes() {
        return further.bytes();
    }
}
