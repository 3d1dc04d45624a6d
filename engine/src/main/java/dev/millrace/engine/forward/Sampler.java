package dev.millrace.engine.forward;

import dev.millrace.kernels.cpu.CpuKernels;
import java.util.Arrays;

/**
 * Draws tokens from logits on the processor: a function of one position's logits, its row's
 * {@link SamplingRow} and its absolute position.
 *
 * <p>Holds scratch memory only. Use one per thread; nothing is allocated per draw, and the
 * vocabulary is never sorted.
 */
public final class Sampler {

    /** Returned instead of a token when no token can be drawn. */
    public static final int POISONED = -1;

    private final CpuKernels kernels;
    private final int vocabularySize;
    private final TopSelection topSelection;
    private final Nucleus nucleus;
    private final int[] tokens; // (vocabulary): the candidates
    private final float[] weights; // (vocabulary): their probabilities, not normalised
    private final int[] occurrences; // (vocabulary): all zero between draws

    public Sampler(CpuKernels kernels, int vocabularySize) {
        this.kernels = kernels;
        this.vocabularySize = vocabularySize;
        topSelection = new TopSelection(vocabularySize);
        nucleus = new Nucleus(vocabularySize);
        tokens = new int[vocabularySize];
        weights = new float[vocabularySize];
        occurrences = new int[vocabularySize];
    }

    /** Scratch memory that a sampler for this vocabulary takes, in bytes. */
    public static long scratchBytes(int vocabularySize) {
        return Nucleus.bytes(vocabularySize)
                + vocabularySize * ((long) Long.BYTES + 2 * Integer.BYTES + Float.BYTES);
    }

    /**
     * Draws the successor of one of a row's output positions.
     *
     * @param logits the position's logits at {@code offset}; overwritten
     * @param row    the row, within the contract of {@link StepBatch}
     * @param index  which of the row's output positions, from 0
     * @return the token, or {@link #POISONED} if a logit is NaN or positive infinity, or if no
     *         token is allowed
     */
    public int sample(float[] logits, int offset, SequenceRow row, int index) {
        if (isPoisoned(logits, offset, vocabularySize)) {
            return POISONED;
        }
        SamplingRow sampling = row.sampling();
        int firstOutput = row.tokens().length - row.output().positions();
        adjust(logits, offset, row.tokens(), firstOutput + 1, firstOutput + 1 + index, sampling,
                sampling.masks().length == 0 ? null : sampling.masks()[index]);
        int best = kernels.argmax(logits, offset, vocabularySize);
        float max = logits[offset + best];
        if (max == Float.NEGATIVE_INFINITY) {
            return POISONED;
        }
        if (sampling.temperature() == 0) {
            return best;
        }
        int count = candidates(logits, offset, sampling);
        // Against overflow: an infinite scale would turn the best token's 0 * scale into NaN.
        float scale = Math.min(1 / sampling.temperature(), Float.MAX_VALUE);
        double total = kernels.expShifted(logits, offset, count, max, scale, weights, 0);
        int candidates = count;
        if (sampling.topP() < 1) {
            count = nucleus.keep(tokens, weights, count, sampling.topP());
        }
        if (sampling.minP() > 0) {
            count = keepAtLeast(sampling.minP(), count);
        }
        if (count < candidates) {
            total = total(count);
        }
        // The noise belongs to the drawn token's own position, one past its predecessor's.
        long position = (long) row.computedTokens() + firstOutput + index + 1;
        return draw(count, total, CounterNoise.uniform(sampling.seed(), position));
    }

    /** Whether logits hold NaN or positive infinity, or nothing but negative infinity. */
    public static boolean isPoisoned(float[] logits, int offset, int count) {
        boolean anyFinite = false;
        for (int i = offset; i < offset + count; i++) {
            float logit = logits[i];
            if (!(logit < Float.POSITIVE_INFINITY)) {
                return true;
            }
            anyFinite |= logit > Float.NEGATIVE_INFINITY;
        }
        return !anyFinite;
    }

    /** Applies mask, bias and penalties. Drafted tokens before the position count as completion. */
    private void adjust(float[] logits, int offset, int[] drafts, int draftBegin, int draftEnd,
            SamplingRow sampling, long[] mask) {
        if (mask != null) {
            forbid(logits, offset, mask);
        }
        for (int i = 0; i < sampling.biasTokens().length; i++) {
            logits[offset + sampling.biasTokens()[i]] += sampling.biasValues()[i];
        }
        if (!sampling.penalises()) {
            return;
        }
        int[] history = sampling.history();
        // Bit 0 says that a token was seen; the bits above count it in the completion.
        for (int i = 0; i < history.length; i++) {
            count(history[i], i >= sampling.historyPrompt());
        }
        for (int i = draftBegin; i < draftEnd; i++) {
            count(drafts[i], true);
        }
        penalise(logits, offset, history, 0, history.length, sampling);
        penalise(logits, offset, drafts, draftBegin, draftEnd, sampling);
    }

    private void count(int token, boolean completion) {
        occurrences[token] = (occurrences[token] | 1) + (completion ? 2 : 0);
    }

    /** Penalises each token once and clears its count. */
    private void penalise(float[] logits, int offset, int[] seen, int begin, int end,
            SamplingRow sampling) {
        for (int i = begin; i < end; i++) {
            int seenAndCount = occurrences[seen[i]];
            if (seenAndCount == 0) {
                continue;
            }
            occurrences[seen[i]] = 0;
            float logit = logits[offset + seen[i]];
            logit = logit > 0
                    ? logit / sampling.repetitionPenalty()
                    : logit * sampling.repetitionPenalty();
            int count = seenAndCount >> 1;
            if (count > 0) {
                logit -= sampling.presencePenalty() + count * sampling.frequencyPenalty();
            }
            logits[offset + seen[i]] = logit;
        }
    }

    private void forbid(float[] logits, int offset, long[] mask) {
        for (int begin = 0; begin < vocabularySize; begin += Long.SIZE) {
            int end = Math.min(begin + Long.SIZE, vocabularySize);
            long allowed = mask[begin / Long.SIZE];
            if (allowed == 0) {
                Arrays.fill(logits, offset + begin, offset + end, Float.NEGATIVE_INFINITY);
            } else if (allowed != -1) {
                for (int token = begin; token < end; token++) {
                    if ((allowed >>> token & 1) == 0) {
                        logits[offset + token] = Float.NEGATIVE_INFINITY;
                    }
                }
            }
        }
    }

    /** Fills {@code tokens}, and moves the logits of top-k; returns how many there are. */
    private int candidates(float[] logits, int offset, SamplingRow sampling) {
        if (sampling.topK() > 0 && sampling.topK() < vocabularySize) {
            int count = topSelection.select(logits, offset, vocabularySize, sampling.topK());
            for (int i = 0; i < count; i++) {
                tokens[i] = topSelection.index(i);
                logits[offset + i] = topSelection.value(i);
            }
            return count;
        }
        for (int i = 0; i < vocabularySize; i++) {
            tokens[i] = i;
        }
        return vocabularySize;
    }

    /** Keeps candidates that have at least this share of the best one's weight. */
    private int keepAtLeast(float minP, int count) {
        float heaviest = 0;
        for (int i = 0; i < count; i++) {
            heaviest = Math.max(heaviest, weights[i]);
        }
        float least = minP * heaviest;
        int kept = 0;
        for (int i = 0; i < count; i++) {
            if (weights[i] >= least) {
                tokens[kept] = tokens[i];
                weights[kept++] = weights[i];
            }
        }
        return kept;
    }

    private double total(int count) {
        double total = 0;
        for (int i = 0; i < count; i++) {
            total += weights[i];
        }
        return total;
    }

    /** Inverts the cumulative distribution of the candidates at {@code uniform}. */
    private int draw(int count, double total, double uniform) {
        double target = uniform * total;
        double cumulative = 0;
        int drawn = 0;
        for (int i = 0; i < count && cumulative <= target; i++) {
            if (weights[i] > 0) {
                cumulative += weights[i];
                drawn = i;
            }
        }
        return tokens[drawn];
    }
}
