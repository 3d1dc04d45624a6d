package dev.millrace.engine.forward;

import java.util.Arrays;

/**
 * What a device tells of one position's logits instead of handing over all of them: their largest,
 * the sum of their exponentials, and either the likeliest tokens or the stretch of tokens in which
 * the draw falls. Often that is enough to know for certain what all of them would have led to;
 * where it is not, {@link Sampler#draw} says so.
 *
 * <p>Forbidden tokens count as having a logit of negative infinity. Filled anew for every position;
 * grows with what it is filled with.
 */
public final class LogitSurvey {

    /** Wanted where only all logits will do. */
    public static final int ALL = -1;
    /** Wanted where the stretch in which the draw falls is enough. */
    public static final int STRETCH = 0;

    /** Likeliest tokens where it is not known beforehand how many are drawn from. */
    static final int MANY = 1024;
    /** The most likeliest tokens that are ever wanted. */
    public static final int MOST = 2048;

    float max; // of the logits; negative infinity where no token is allowed
    double total; // of the exponentials, scaled by the temperature
    double error; // the most that the processor's total may differ by
    float below; // all tokens that are not among the likeliest have a smaller logit than this
    int count; // of the likeliest, or of the stretch
    int[] tokens = new int[MANY]; // (count) ascending
    float[] logits = new float[MANY]; // (count), adjusted
    double before; // exponentials of all tokens before the stretch
    float target; // the logit of a token that was asked for
    int likelier; // tokens with larger logits than that
    private float[] raws = new float[MANY]; // (count): before anything was done to them
    private long[] order = new long[MANY]; // (count): tokens, and when each was added
    private float[] addedLogits = new float[MANY]; // (count) as they were added
    private float[] addedRaws = new float[MANY]; // (count) as they were added

    /**
     * What is to be asked at one of a row's output positions.
     *
     * @return how many of the likeliest tokens, or {@link #STRETCH}, or {@link #ALL}
     */
    public static int wanted(SequenceRow row, int index, int vocabularySize) {
        TokenFilters filters = row.sampling().filters();
        if (filters.temperature() == 0) {
            return 1;
        }
        boolean few = filters.topK() > 0 && filters.topK() < vocabularySize;
        if (filters.topNSigma() > 0 || few && filters.topK() > MOST
                || !few && filters.typicalP() < 1) {
            return ALL;
        }
        if (few) {
            return filters.topK();
        }
        if (filters.topP() < 1 || filters.minP() > 0) {
            return Math.min(MANY, vocabularySize);
        }
        return Sampler.coin(row, index) < filters.xtcProbability() ? ALL : STRETCH;
    }

    /** Where in the distribution the draw of one of a row's output positions falls, in [0, 1). */
    public static double uniform(SequenceRow row, int index) {
        return Sampler.uniform(row, index);
    }

    /** What the exponentials of logits are scaled by before they are taken. */
    public static float scale(TokenFilters filters) {
        // Against overflow: an infinite scale would turn the best token's 0 * scale into NaN.
        return Math.min(1 / filters.temperature(), Float.MAX_VALUE);
    }

    /**
     * Begins with what is told of all logits.
     *
     * @param largest     of them
     * @param sum         of the exponentials, or 0 where nobody asks
     * @param error       of one exponential beside the processor's, as a share
     * @param vocabulary  how many were added
     * @param leastLogits all other tokens have smaller logits than this; negative infinity where
     *                    there are no others that are allowed
     */
    public void begin(float largest, double sum, double error, int vocabulary,
            float leastLogits) {
        max = largest;
        total = sum;
        // Any two orders of so many additions in double differ by less.
        this.error = sum * (error + vocabulary * 0x1p-50);
        below = leastLogits;
        count = 0;
    }

    /** Where the stretch begins that {@link #add} fills: the exponentials of all before it. */
    public void startStretch(double exponentials) {
        before = exponentials;
    }

    /** The logit of a token that was asked for, and how many have larger ones. */
    public void tellTarget(float logit, int larger) {
        target = logit;
        likelier = larger;
    }

    /** @param raw the logit before it was adjusted */
    public void add(int token, float logit, float raw) {
        if (count == order.length) {
            grow(2 * count);
        }
        order[count] = (long) token << Integer.SIZE | count;
        addedLogits[count] = logit;
        addedRaws[count++] = raw;
    }

    private void grow(int most) {
        tokens = new int[most];
        logits = new float[most];
        raws = new float[most];
        order = Arrays.copyOf(order, most);
        addedLogits = Arrays.copyOf(addedLogits, most);
        addedRaws = Arrays.copyOf(addedRaws, most);
    }

    /** Ends the filling: brings the tokens into their order. */
    public void finish() {
        Arrays.sort(order, 0, count);
        for (int i = 0; i < count; i++) {
            tokens[i] = (int) (order[i] >>> Integer.SIZE);
            logits[i] = addedLogits[(int) order[i]];
            raws[i] = addedRaws[(int) order[i]];
        }
    }

    /** Whether every token that is allowed is among the likeliest. */
    boolean isComplete() {
        return below == Float.NEGATIVE_INFINITY;
    }

    /** The logit of a token before it was adjusted; of one that was added. */
    float raw(int token) {
        return raws[Arrays.binarySearch(tokens, 0, count, token)];
    }
}
