package dev.millrace.engine;

import java.util.Arrays;

/**
 * Guesses what comes next from what came before: the longest ending that occurred earlier was
 * followed by something, and may be again. Answers quote their prompts and themselves (summaries,
 * edits, code), and there the guesses are right. Known as prompt lookup or n-gram speculation.
 */
final class PromptLookup {

    /** An ending shorter than this says too little. */
    private static final int LEAST_MATCH = 2;
    /** Longer matches do not guess better. */
    private static final int MOST_MATCH = 5;

    private static final int[] NOTHING = {};

    private PromptLookup() {}

    /**
     * Guesses up to {@code count} tokens after {@code tokens[0 .. length)}: those after the latest
     * of its longest matches.
     */
    static int[] draft(int[] tokens, int length, int count) {
        int best = LEAST_MATCH - 1;
        int bestEnd = -1;
        for (int end = length - 1; end >= LEAST_MATCH && best < MOST_MATCH; end--) {
            int match = 0;
            while (match < MOST_MATCH && match < end
                    && tokens[end - 1 - match] == tokens[length - 1 - match]) {
                match++;
            }
            if (match > best) {
                best = match;
                bestEnd = end;
            }
        }
        return bestEnd < 0
                ? NOTHING
                : Arrays.copyOfRange(tokens, bestEnd, Math.min(bestEnd + count, length));
    }
}
