package dev.millrace.bench.serve;

import java.util.SplittableRandom;

/**
 * Prompts as token ids, so that every server computes the same. No two share a beginning, or a
 * server that remembers prompts would be measured for its memory, unless that is asked for.
 *
 * @param vocabulary   ids are below this; the lowest hundred may be special and are left out
 * @param sharedTokens how many tokens all prompts begin with alike
 * @param seed         of the whole sequence of prompts
 */
record RandomPrompts(int vocabulary, int sharedTokens, long seed) {

    private static final int FIRST_ID = 100;

    RandomPrompts {
        if (vocabulary <= FIRST_ID) {
            throw new IllegalArgumentException("--vocabulary must be above " + FIRST_ID + ", got "
                    + vocabulary);
        }
        if (sharedTokens < 0) {
            throw new IllegalArgumentException("--shared-prefix must not be negative, got "
                    + sharedTokens);
        }
    }

    /** The prompt of a request. */
    int[] prompt(int request, int tokens) {
        SplittableRandom shared = new SplittableRandom(seed);
        SplittableRandom own = new SplittableRandom(seed + 0x9E3779B97F4A7C15L * (request + 1));
        int[] ids = new int[tokens];
        for (int i = 0; i < tokens; i++) {
            ids[i] = (i < sharedTokens ? shared : own).nextInt(FIRST_ID, vocabulary);
        }
        return ids;
    }
}
