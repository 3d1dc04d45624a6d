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
        return LogitAdjuster.scratchBytes(vocabularySize) + RepeatedRuns.bytes(contextTokens)
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
        int firstOutput = row.tokens().length - row.output().positions();
        adjuster.adjust(logits, offset, sampling, row.tokens(), firstOutput + 1,
                firstOutput + 1 + index,
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
        // The noise belongs to the drawn token's own position, one past its predecessor's.
        long position = (long) row.computedTokens() + firstOutput + index + 1;
        candidates.select(logits, offset, logits[offset + best], sampling.filters(),
                CounterNoise.coin(sampling.seed(), position));
        return candidates.draw(CounterNoise.uniform(sampling.seed(), position));
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
