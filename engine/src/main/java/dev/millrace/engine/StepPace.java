package dev.millrace.engine;

/**
 * Learns from the steps so far how many tokens of a prompt fit into one without holding up those
 * that decode: a step with a prompt's tokens is to take at most {@link #MOST_STRETCH} times as long
 * as one without, and a second prompt, which is soon over, may stretch it by as much again. With
 * more than these gaps between tokens grow and hardly any throughput is gained; with one alone,
 * clients that ask for short answers to long questions wait for each other. On a device that
 * computes prompts much faster than it decodes that is no limit at all; on a processor it is a few
 * tokens, which cost little where decoding waits for the memory anyway.
 */
final class StepPace {

    /** How much longer a step may take for its prompt tokens; below 3 with some room. */
    static final double MOST_STRETCH = 2.5;
    /** A prompt with more tokens to compute shares with others of its kind what one may take. */
    static final int SHORT_PROMPT_TOKENS = 512;
    /** Prompts with a share of a step each; of these at most one is long. */
    static final int MOST_PROMPTS = 2;
    /** Prompts always move by so many tokens at least. */
    static final int LEAST_PROMPT_TOKENS = 4;

    private static final double WEIGHT_OF_LATEST = 0.1;

    private double decodeNanos; // of a step that only decodes; 0 until one has run
    private double promptTokenNanos; // what one prompt token adds to a step; 0 until one has run

    /**
     * Notes a step.
     *
     * @param promptTokens tokens of prompts, also those computed again
     * @param nanos        how long it took
     */
    void ran(int promptTokens, long nanos) {
        if (promptTokens == 0) {
            decodeNanos = decodeNanos == 0 ? nanos : towards(decodeNanos, nanos, WEIGHT_OF_LATEST);
        } else {
            double each = Math.max(0, nanos - decodeNanos) / promptTokens;
            // One long chunk tells more than many short ones.
            double weight = 1 - Math.pow(1 - WEIGHT_OF_LATEST, Math.min(promptTokens, 16));
            promptTokenNanos = promptTokenNanos == 0
                    ? each
                    : towards(promptTokenNanos, each, weight);
        }
    }

    private static double towards(double mean, double latest, double weight) {
        return mean + weight * (latest - mean);
    }

    /** Most tokens of a prompt to compute beside sequences that decode. */
    int promptTokens() {
        if (decodeNanos == 0 || promptTokenNanos == 0) {
            return Integer.MAX_VALUE;
        }
        double tokens = (MOST_STRETCH - 1) * decodeNanos / promptTokenNanos;
        return Math.clamp((long) tokens, LEAST_PROMPT_TOKENS, Integer.MAX_VALUE);
    }
}
