package dev.millrace.engine.forward;

import dev.millrace.engine.forward.StepResult.TopTokens;
import dev.millrace.kernels.cpu.CpuKernels;

/**
 * Natural log probabilities of tokens under a position's logits, before any sampling setting
 * touches them. Holds scratch memory only; use one per thread.
 */
public final class LogProbabilities {

    private final CpuKernels kernels;
    private final int vocabularySize;
    private final TopSelection topSelection;
    private final float[] logits; // (vocabulary)
    private double logNormaliser;

    public LogProbabilities(CpuKernels kernels, int vocabularySize) {
        this.kernels = kernels;
        this.vocabularySize = vocabularySize;
        topSelection = new TopSelection(vocabularySize);
        logits = new float[vocabularySize];
    }

    /** Scratch memory for this vocabulary, in bytes. */
    public static long scratchBytes(int vocabularySize) {
        return vocabularySize * ((long) Long.BYTES + Float.BYTES);
    }

    /** Keeps a copy of a position's logits, which must not be poisoned. */
    public void read(float[] source, int offset) {
        float max = source[offset + kernels.argmax(source, offset, vocabularySize)];
        // The exponentials are only summed; the logits then take their place.
        double sum = kernels.expShifted(source, offset, vocabularySize, max, 1, logits, 0);
        logNormaliser = max + Math.log(sum);
        System.arraycopy(source, offset, logits, 0, vocabularySize);
    }

    /** The log probability of a token under the logits last read. */
    public float of(int token) {
        return ofLogit(logits[token]);
    }

    /** Begins with what a survey tells of logits that nothing was done to. */
    void read(LogitSurvey survey) {
        logNormaliser = survey.max + Math.log(survey.total);
    }

    /** The log probability of a token with this logit. */
    float ofLogit(float logit) {
        return (float) (logit - logNormaliser);
    }

    /** As {@link #likeliest(int)} of the survey last read; null where it has too few. */
    TopTokens likeliest(LogitSurvey survey, int count) {
        if (survey.count < Math.min(count, vocabularySize)) {
            return null;
        }
        int found = topSelection.select(survey.logits, 0, survey.count, count);
        int[] tokens = new int[found];
        float[] logprobs = new float[found];
        for (int i = 0; i < found; i++) {
            tokens[i] = survey.tokens[topSelection.index(i)];
            logprobs[i] = ofLogit(topSelection.value(i));
        }
        return new TopTokens(tokens, logprobs);
    }

    /** How many tokens are likelier than this one under the logits last read, and 1. */
    public int rank(int token) {
        float logit = logits[token];
        int likelier = 0;
        for (int i = 0; i < vocabularySize; i++) {
            likelier += logits[i] > logit ? 1 : 0;
        }
        return likelier + 1;
    }

    /** The likeliest tokens under the logits last read, best first. */
    public TopTokens likeliest(int count) {
        int found = topSelection.select(logits, 0, vocabularySize, count);
        int[] tokens = new int[found];
        float[] logprobs = new float[found];
        for (int i = 0; i < found; i++) {
            tokens[i] = topSelection.index(i);
            logprobs[i] = of(tokens[i]);
        }
        return new TopTokens(tokens, logprobs);
    }
}
