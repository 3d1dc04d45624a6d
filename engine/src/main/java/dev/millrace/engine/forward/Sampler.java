package dev.millrace.engine.forward;

import dev.millrace.kernels.cpu.CpuKernels;

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
    /** Returned instead of a token where a survey leaves more than one possible. */
    public static final int UNDECIDED = -2;

    private final CpuKernels kernels;
    private final int vocabularySize;
    private final LogitAdjuster adjuster;
    private final CandidateFilters candidates;

    public Sampler(CpuKernels kernels, int vocabularySize) {
        this.kernels = kernels;
        this.vocabularySize = vocabularySize;
        adjuster = new LogitAdjuster(vocabularySize);
        candidates = new CandidateFilters(kernels, vocabularySize);
    }

    /** Scratch memory that a sampler takes, in bytes. */
    public static long scratchBytes(int vocabularySize, int contextTokens) {
        return LogitAdjuster.scratchBytes(vocabularySize, contextTokens)
                + CandidateFilters.scratchBytes(vocabularySize);
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
        int firstDraft = firstOutput(row) + 1;
        adjuster.adjust(logits, offset, sampling, row.tokens(), firstDraft, firstDraft + index,
                sampling.masks().length == 0 ? null : sampling.masks()[index]);
        int best = kernels.argmax(logits, offset, vocabularySize);
        if (logits[offset + best] == Float.NEGATIVE_INFINITY) {
            return POISONED;
        }
        if (LogitAdjuster.isTooShort(sampling, index)) {
            LogitAdjuster.holdBackEnd(logits, offset, sampling.rules());
            int other = kernels.argmax(logits, offset, vocabularySize);
            if (logits[offset + other] == Float.NEGATIVE_INFINITY) {
                return best; // a constraint lets nothing but the end through
            }
            best = other;
        }
        if (sampling.filters().temperature() == 0) {
            return best;
        }
        candidates.select(logits, offset, logits[offset + best], sampling.filters(),
                coin(row, index));
        return candidates.draw(uniform(row, index));
    }

    /**
     * Draws the token that {@link #sample} would draw from all logits, where a survey of them is
     * enough to know it.
     *
     * @param survey what {@link LogitSurvey#wanted} says; its logits are overwritten
     * @return the token, {@link #POISONED} if no token is allowed, or {@link #UNDECIDED}
     */
    public int draw(LogitSurvey survey, SequenceRow row, int index) {
        SamplingRow sampling = row.sampling();
        if (survey.max == Float.NEGATIVE_INFINITY) {
            // Where ends are held back it may be these alone that are allowed.
            return LogitAdjuster.isTooShort(sampling, index) ? UNDECIDED : POISONED;
        }
        TokenFilters filters = sampling.filters();
        if (filters.temperature() == 0) {
            return survey.count == 0
                    ? UNDECIDED
                    : survey.tokens[kernels.argmax(survey.logits, 0, survey.count)];
        }
        if (LogitSurvey.wanted(row, index, vocabularySize) == LogitSurvey.STRETCH) {
            return candidates.drawFromStretch(survey, filters, uniform(row, index));
        }
        return candidates.selectAmong(survey, filters, coin(row, index))
                ? candidates.drawUnlessClose(uniform(row, index))
                : UNDECIDED;
    }

    /** Of which of a row's tokens the output is the first that it wants. */
    static int firstOutput(SequenceRow row) {
        return row.tokens().length - row.output().positions();
    }

    /** The noise belongs to the drawn token's own position, one past its predecessor's. */
    private static long position(SequenceRow row, int index) {
        return (long) row.computedTokens() + firstOutput(row) + index + 1;
    }

    /** Where in the distribution the draw falls, in [0, 1). */
    static double uniform(SequenceRow row, int index) {
        return CounterNoise.uniform(row.sampling().seed(), position(row, index));
    }

    /** Decides in [0, 1) whether the top choices are excluded. */
    static double coin(SequenceRow row, int index) {
        return CounterNoise.coin(row.sampling().seed(), position(row, index));
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
}
