package dev.millrace.kernels.quantize;

/**
 * Finds scales and minimums for groups of elements. Each tries some grids a little finer and
 * coarser than the one that just spans the group, takes the codes that each gives, solves for the
 * factors that suit those codes best, and keeps the grid whose weighted squares of errors are
 * least.
 *
 * <p>Holds the last result: one instance per thread.
 */
final class GroupFit {

    /** What spans less than this is a group of equal elements. */
    static final float LEAST_SPAN = 1e-30f;

    /** Grids tried on each side of the one that spans the group, and how far they are apart. */
    private static final int SIGNED_STEPS = 9;
    private static final float STEP_CODES = 0.1f;
    private static final int RANGED_STEPS = 20;
    private static final float FINEST_RANGED_CODES = -1f;
    /** Adding and taking away 1.5 x 2^23 rounds a float to the nearest integer, ties to even. */
    private static final float ROUNDING = 12_582_912f;

    private float scale;
    private float offset;

    /** What the codes are multiplied by. */
    float scale() {
        return scale;
    }

    /** What is added to the products, after {@link #fitRange}. */
    float offset() {
        return offset;
    }

    static int nearest(float value, int least, int most) {
        float bounded = Math.max(least, Math.min(most, value));
        return (int) (bounded + ROUNDING - ROUNDING);
    }

    /**
     * Fits {@code x = scale * code} with codes from {@code -reach} to {@code reach - 1}; the scale
     * may be negative, so that the largest element gets the code that has no opposite.
     */
    void fitSigned(float[] x, int at, int count, float[] weights, int weightsAt,
            int reach) {
        float peak = 0;
        for (int i = 0; i < count; i++) {
            if (Math.abs(x[at + i]) > Math.abs(peak)) {
                peak = x[at + i];
            }
        }
        scale = 0;
        offset = 0;
        if (Math.abs(peak) < LEAST_SPAN) {
            return;
        }
        float best = -1;
        for (int step = -SIGNED_STEPS; step <= SIGNED_STEPS; step++) {
            float codesPerUnit = -(reach + STEP_CODES * step) / peak;
            float productSum = 0;
            float squareSum = 0;
            for (int i = 0; i < count; i++) {
                float value = x[at + i];
                int code = nearest(value * codesPerUnit, -reach, reach - 1);
                float weighted = weights[weightsAt + i] * code;
                productSum += weighted * value;
                squareSum += weighted * code;
            }
            // The squares of errors are what the elements have, less this.
            float gain = squareSum > 0 ? productSum / squareSum * productSum : 0;
            if (gain > best) {
                best = gain;
                scale = squareSum > 0 ? productSum / squareSum : 0;
            }
        }
    }

    /**
     * Fits {@code x = scale * code + offset} with codes from 0 to {@code most} and a scale of at
     * least 0.
     *
     * @param anyOffset whether the offset may be above 0
     */
    void fitRange(float[] x, int at, int count, float[] weights, int weightsAt,
            int most, boolean anyOffset) {
        float low = x[at];
        float high = x[at];
        float weightSum = 0;
        float elementSum = 0;
        for (int i = 0; i < count; i++) {
            low = Math.min(low, x[at + i]);
            high = Math.max(high, x[at + i]);
            weightSum += weights[weightsAt + i];
            elementSum += weights[weightsAt + i] * x[at + i];
        }
        low = anyOffset ? low : Math.min(low, 0);
        scale = 0;
        offset = low;
        if (high - low < LEAST_SPAN) {
            return;
        }
        double best = Double.POSITIVE_INFINITY;
        for (int step = -1; step <= RANGED_STEPS; step++) {
            // The first grid is the one that spans the group.
            float stretch = step < 0 ? 0 : FINEST_RANGED_CODES + STEP_CODES * step;
            float codesPerUnit = (most + stretch) / (high - low);
            float codeSum = 0;
            float squareSum = 0;
            float productSum = 0;
            for (int i = 0; i < count; i++) {
                float value = x[at + i];
                int code = nearest((value - low) * codesPerUnit, 0, most);
                float weighted = weights[weightsAt + i] * code;
                codeSum += weighted;
                squareSum += weighted * code;
                productSum += weighted * value;
            }
            best = keepBetter(best, anyOffset, weightSum, elementSum, codeSum, squareSum,
                    productSum);
        }
    }

    /** Solves for the factors that suit some codes, and keeps them if they are the best so far. */
    private double keepBetter(double best, boolean anyOffset, double weightSum,
            double elementSum, double codeSum, double squareSum, double productSum) {
        double determinant = weightSum * squareSum - codeSum * codeSum;
        if (!(determinant > 0)) {
            return best;
        }
        double slope = (weightSum * productSum - elementSum * codeSum) / determinant;
        double shift = (squareSum * elementSum - codeSum * productSum) / determinant;
        if (shift > 0 && !anyOffset) {
            shift = 0;
            slope = productSum / squareSum;
        }
        // The squares of errors, less those of the elements, which are the same for all grids.
        double squares = slope * (slope * squareSum + 2 * shift * codeSum - 2 * productSum)
                + shift * (shift * weightSum - 2 * elementSum);
        if (squares >= best || !(slope >= 0)) {
            return best;
        }
        scale = (float) slope;
        offset = (float) shift;
        return squares;
    }
}
