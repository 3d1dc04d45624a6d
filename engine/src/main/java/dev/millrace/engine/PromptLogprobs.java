package dev.millrace.engine;

import dev.millrace.engine.forward.StepResult.RowResult;
import dev.millrace.engine.forward.StepResult.TopTokens;

/**
 * What the model made of a prompt: for every token but the first its natural log probability after
 * those before it, its rank, and the likeliest in its place. Filled by the engine's thread before
 * the generation's first event, then only read.
 */
public final class PromptLogprobs {

    private final float[] logprobs;
    private final int[] ranks;
    private final TopTokens[] top;
    private int known = 1; // of the first nothing is ever said

    PromptLogprobs(int promptTokens) {
        logprobs = new float[promptTokens];
        ranks = new int[promptTokens];
        top = new TopTokens[promptTokens];
    }

    /** The prompt's tokens of which all is known. */
    int known() {
        return known;
    }

    boolean complete() {
        return known >= logprobs.length;
    }

    /** Takes a row's results about the prompt's next tokens. */
    void take(RowResult row) {
        for (int i = 0; i < row.logprobs().length; i++) {
            logprobs[known] = row.logprobs()[i];
            ranks[known] = row.ranks()[i];
            top[known++] = row.top().get(i);
        }
    }

    /** Of the prompt's token at {@code position}, which must not be 0. */
    public float logprob(int position) {
        return logprobs[position];
    }

    /** How many tokens the model found likelier than the one at {@code position}, and 1. */
    public int rank(int position) {
        return ranks[position];
    }

    /** The likeliest tokens at {@code position}, best first. */
    public TopTokens top(int position) {
        return top[position];
    }
}
