package dev.millrace.engine.forward;

import dev.millrace.kernels.cpu.CpuKernels;

/**
 * The tokens that may be drawn at one position and their weights, cut down by
 * {@link TokenFilters}. Holds scratch memory only; nothing is sorted or allocated per draw.
 */
final class CandidateFilters {

    private static final int INFINITY_BITS = Float.floatToRawIntBits(Float.POSITIVE_INFINITY);

    /** Exponentials need not fall as logits do, but for a unit or two in the last place. */
    private static final float ROUNDINGS = 0x1p-20f;

    private final CpuKernels kernels;
    private final int vocabularySize;
    private final TopSelection topSelection;
    private final Nucleus nucleus;
    private final int[] tokens; // (vocabulary)
    private final float[] weights; // (vocabulary): their probabilities, not normalised
    private int count;
    private double total; // of their weights
    private double error; // the most by which a total from a survey may be off
    private final float[] single = new float[1];

    CandidateFilters(CpuKernels kernels, int vocabularySize) {
        this.kernels = kernels;
        this.vocabularySize = vocabularySize;
        topSelection = new TopSelection(vocabularySize);
        nucleus = new Nucleus(vocabularySize);
        tokens = new int[vocabularySize];
        weights = new float[vocabularySize];
    }

    /** Scratch memory for this vocabulary, in bytes. */
    static long scratchBytes(int vocabularySize) {
        return Nucleus.bytes(vocabularySize)
                + vocabularySize * ((long) Long.BYTES + Integer.BYTES + Float.BYTES);
    }

    /**
     * Finds the candidates.
     *
     * @param logits at {@code offset}, none NaN; overwritten
     * @param max    the largest of them, finite
     * @param coin   decides in [0, 1) whether the top choices are excluded
     */
    void select(float[] logits, int offset, float max, TokenFilters filters, double coin) {
        if (filters.topNSigma() > 0) {
            forbidBelow(logits, offset, threshold(logits, offset, max, filters.topNSigma()));
        }
        count = candidates(logits, offset, filters.topK());
        float scale = LogitSurvey.scale(filters);
        total = kernels.expShifted(logits, offset, count, max, scale, weights, 0);
        int all = count;
        if (filters.typicalP() < 1) {
            keepTypical(logits, offset, max, scale, filters.typicalP());
        }
        if (filters.topP() < 1) {
            count = nucleus.keep(tokens, weights, weights, 0, count, filters.topP());
        }
        if (filters.minP() > 0) {
            keepAtLeast(filters.minP());
        }
        if (count < all) {
            total = sum(0, count);
        }
        if (coin < filters.xtcProbability()) {
            excludeTop(filters.xtcThreshold());
        }
    }

    /**
     * Finds the candidates that {@link #select} would find, as far as a survey tells them.
     *
     * @param survey of the likeliest; its logits are overwritten
     * @return false if it does not tell
     */
    boolean selectAmong(LogitSurvey survey, TokenFilters filters, double coin) {
        boolean few = filters.topK() > 0 && filters.topK() < vocabularySize;
        if (survey.count < (few ? filters.topK() : 1) && !survey.isComplete()) {
            return false;
        }
        takeLikeliest(survey, few ? filters.topK() : 0);
        float scale = LogitSurvey.scale(filters);
        total = kernels.expShifted(survey.logits, 0, count, survey.max, scale, weights, 0);
        // Of a full top-k everything is as if all logits had been looked at.
        boolean same = few && count == filters.topK();
        error = same ? 0 : survey.error;
        if (filters.typicalP() < 1) {
            if (!same) {
                return false;
            }
            keepTypical(survey.logits, 0, survey.max, scale, filters.typicalP());
        }
        float mostOther = few || survey.isComplete() ? 0 : weightBelow(survey, scale);
        if (filters.topP() < 1) {
            double others = few ? 0 : Math.max(0, survey.total - total);
            count = same
                    ? nucleus.keep(tokens, weights, weights, 0, count, filters.topP())
                    : nucleus.keepAmong(tokens, weights, count, filters.topP(), others, error,
                            mostOther);
            mostOther = 0;
        }
        if (count == 0 || mostOther > 0 && mostOther >= filters.minP()) {
            return false;
        }
        if (filters.minP() > 0) {
            keepAtLeast(filters.minP());
        }
        if (!same || count < filters.topK()) {
            total = sum(0, count);
        }
        if (coin < filters.xtcProbability()) {
            if (isClose(filters.xtcThreshold())) {
                return false;
            }
            excludeTop(filters.xtcThreshold());
        }
        return true;
    }

    /** Makes the survey's tokens the candidates: the best so many, or with 0 all. */
    private void takeLikeliest(LogitSurvey survey, int topK) {
        count = survey.count;
        System.arraycopy(survey.tokens, 0, tokens, 0, count);
        if (topK > 0) {
            count = topSelection.select(survey.logits, 0, count, topK);
            for (int i = 0; i < count; i++) {
                tokens[i] = survey.tokens[topSelection.index(i)];
                survey.logits[i] = topSelection.value(i);
            }
        }
    }

    /** No token that the survey leaves out weighs more. */
    private float weightBelow(LogitSurvey survey, float scale) {
        single[0] = survey.below;
        kernels.expShifted(single, 0, 1, survey.max, scale, single, 0);
        return Math.max(single[0] * (1 + ROUNDINGS), Float.MIN_NORMAL);
    }

    /** Whether it is the error that says if a candidate has this share of the total. */
    private boolean isClose(float share) {
        boolean close = false;
        for (int i = 0; i < count; i++) {
            close |= error > 0 && Math.abs(weights[i] - share * total) <= error;
        }
        return close;
    }

    /** As {@link #draw}, or {@link Sampler#UNDECIDED} where the total's error decides. */
    int drawUnlessClose(double uniform) {
        return error == 0 ? draw(uniform) : draw(tokens, 0, uniform * total);
    }

    /** Draws from all tokens, of which a survey has those among which the draw falls. */
    int drawFromStretch(LogitSurvey survey, TokenFilters filters, double uniform) {
        count = survey.count;
        error = survey.error;
        kernels.expShifted(survey.logits, 0, count, survey.max, LogitSurvey.scale(filters),
                weights, 0);
        return draw(survey.tokens, survey.before, uniform * survey.total);
    }

    private int draw(int[] from, double before, double target) {
        double cumulative = before;
        for (int i = 0; i < count; i++) {
            double previous = cumulative;
            cumulative += weights[i];
            if (cumulative > target) {
                // Both the target and the sum may be off.
                boolean sure = previous <= target - 2 * error && cumulative > target + 2 * error;
                return sure ? from[i] : Sampler.UNDECIDED;
            }
        }
        return Sampler.UNDECIDED;
    }

    /** Inverts the cumulative distribution of the candidates at {@code uniform}. */
    int draw(double uniform) {
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

    /** The least logit that is within some standard deviations of all that are not forbidden. */
    private double threshold(float[] logits, int offset, float max, float deviations) {
        double sum = 0;
        double squares = 0; // of the distances from the largest
        int finite = 0;
        for (int i = offset; i < offset + vocabularySize; i++) {
            if (logits[i] > Float.NEGATIVE_INFINITY) {
                double below = (double) logits[i] - max;
                sum += below;
                squares += below * below;
                finite++;
            }
        }
        double mean = sum / finite;
        return max - deviations * Math.sqrt(Math.max(0, squares / finite - mean * mean));
    }

    private void forbidBelow(float[] logits, int offset, double least) {
        for (int i = offset; i < offset + vocabularySize; i++) {
            if (logits[i] < least) {
                logits[i] = Float.NEGATIVE_INFINITY;
            }
        }
    }

    /** Fills {@code tokens}, and moves the logits of top-k; returns how many there are. */
    private int candidates(float[] logits, int offset, int topK) {
        if (topK > 0 && topK < vocabularySize) {
            int selected = topSelection.select(logits, offset, vocabularySize, topK);
            for (int i = 0; i < selected; i++) {
                tokens[i] = topSelection.index(i);
                logits[offset + i] = topSelection.value(i);
            }
            return selected;
        }
        for (int i = 0; i < vocabularySize; i++) {
            tokens[i] = i;
        }
        return vocabularySize;
    }

    /**
     * Keeps those whose surprise, the negative log probability, is nearest to the expected one. The
     * normaliser of the probabilities cancels: what counts is a scaled logit's distance from the
     * expected scaled logit.
     */
    private void keepTypical(float[] logits, int offset, float max, float scale, float share) {
        double expected = expectedLogit(logits, offset, max, scale);
        for (int i = 0; i < count; i++) {
            float distance = (float) Math.abs((logits[offset + i] - max) * scale - expected);
            // The nearest has the highest score: a float's bits, taken from infinity's.
            logits[offset + i] = Float
                    .intBitsToFloat(INFINITY_BITS - Float.floatToRawIntBits(distance));
        }
        count = nucleus.keep(tokens, weights, logits, offset, count, share);
    }

    /** Of a scaled logit, counted from the largest. */
    private double expectedLogit(float[] logits, int offset, float max, float scale) {
        double even = 0; // in two sums, since each addition waits for the one before it
        double odd = 0;
        int i = 0;
        for (; i + 1 < count; i += 2) {
            even += weights[i] * scaled(logits[offset + i], max, scale);
            odd += weights[i + 1] * scaled(logits[offset + i + 1], max, scale);
        }
        if (i < count) {
            even += weights[i] * scaled(logits[offset + i], max, scale);
        }
        return (even + odd) / total;
    }

    /** A forbidden token's is finite, for it is multiplied by a weight of 0. */
    private static double scaled(float logit, float max, float scale) {
        return Math.max((logit - max) * scale, -Float.MAX_VALUE);
    }

    /** Keeps candidates that have at least this share of the best one's weight. */
    private void keepAtLeast(float minP) {
        float heaviest = 0;
        for (int i = 0; i < count; i++) {
            heaviest = Math.max(heaviest, weights[i]);
        }
        float least = minP * heaviest;
        int kept = 0;
        for (int i = 0; i < count; i++) {
            boolean keeps = weights[i] >= least;
            // Written in any case: a branch that goes either way costs more.
            tokens[kept] = tokens[i];
            weights[kept] = weights[i];
            kept += keeps ? 1 : 0;
        }
        count = kept;
    }

    /** Of those that reach the threshold leaves the least likely only, of equals the last. */
    private void excludeTop(float threshold) {
        double least = threshold * total;
        int last = -1;
        int reaching = 0;
        for (int i = 0; i < count; i++) {
            if (weights[i] >= least) {
                reaching++;
                if (last < 0 || weights[i] < weights[last]
                        || weights[i] == weights[last] && tokens[i] > tokens[last]) {
                    last = i;
                }
            }
        }
        if (reaching < 2) {
            return;
        }
        int kept = 0;
        for (int i = 0; i < count; i++) {
            boolean keeps = i == last || !(weights[i] >= least);
            tokens[kept] = tokens[i];
            weights[kept] = weights[i];
            kept += keeps ? 1 : 0;
        }
        count = kept;
        total = sum(0, count);
    }

    /** In four sums, since each addition waits for the one before it. */
    private double sum(int begin, int end) {
        double sum0 = 0;
        double sum1 = 0;
        double sum2 = 0;
        double sum3 = 0;
        int i = begin;
        for (; i + 3 < end; i += 4) {
            sum0 += weights[i];
            sum1 += weights[i + 1];
            sum2 += weights[i + 2];
            sum3 += weights[i + 3];
        }
        for (; i < end; i++) {
            sum0 += weights[i];
        }
        return sum0 + sum1 + (sum2 + sum3);
    }
}
