package dev.millrace.engine.forward;

import java.util.Arrays;

/**
 * Cuts candidates down to the smallest set that carries a share of their weight. Where they are
 * taken by falling weight that is top-p, "nucleus" sampling (Holtzman et al., "The curious case of
 * neural text degeneration", 2019); other orders make other sets.
 *
 * <p>Nothing is sorted: a high temperature leaves tens of thousands of tokens in the nucleus, and
 * sorting those would cost more than the step itself. Weights are added up in buckets by magnitude
 * of the score; only the bucket in which the share is reached is looked into, by quickselect.
 */
final class Nucleus {

    /** Leaves a float's exponent and four bits more, so that a bucket spans a sixteenth octave. */
    private static final int BUCKET_SHIFT = 19;
    private static final int BUCKETS = (Float
            .floatToRawIntBits(Float.POSITIVE_INFINITY) >> BUCKET_SHIFT) + 1;

    /** Orders by score, then by falling index. */
    private final long[] keys;
    private final double[] bucketWeights = new double[BUCKETS];

    /** @param limit most candidates there will ever be */
    Nucleus(int limit) {
        keys = new long[limit];
    }

    /** Memory of one of these, in bytes. */
    static long bytes(int limit) {
        return (long) limit * Long.BYTES + BUCKETS * (long) Double.BYTES;
    }

    /**
     * Keeps the candidates of the highest scores that together reach {@code share} of the weight,
     * at least one, and moves them to the front in their old order. Of equals the first is kept.
     *
     * @param weights not negative, finite, not all zero
     * @param scores  from {@code offset} on, not negative, not NaN; may be the weights themselves
     * @return how many are kept
     */
    int keep(int[] tokens, float[] weights, float[] scores, int offset, int count, float share) {
        fillBuckets(weights, scores, offset, count);
        double target = Math.max(share * bucketTotal(), Double.MIN_VALUE);
        return keep(tokens, weights, scores, offset, count,
                leastKept(weights, scores, offset, count, target));
    }

    /**
     * As {@link #keep} with the weights as scores, of candidates that are not all.
     *
     * @param others    what all others weigh together
     * @param error     the most by which that, or a sum of weights, may be off
     * @param mostOther no other weighs more
     * @return how many are kept; 0 if it takes the others to know, or the error decides
     */
    int keepAmong(int[] tokens, float[] weights, int count, float share, double others,
            double error, float mostOther) {
        fillBuckets(weights, weights, 0, count);
        double target = share * (bucketTotal() + others);
        // Positive even for a share of 0, so that one candidate is needed to reach it.
        long least = leastKept(weights, weights, 0, count,
                Math.max(target - 2 * error, Double.MIN_VALUE));
        long last = leastKept(weights, weights, 0, count,
                Math.max(target + 2 * error, Double.MIN_VALUE));
        boolean sure = least == last && index(least) >= 0
                && Float.intBitsToFloat((int) (least >> 32)) > mostOther;
        return sure ? keep(tokens, weights, weights, 0, count, least) : 0;
    }

    private static int keep(int[] tokens, float[] weights, float[] scores, int offset, int count,
            long least) {
        float leastScore = Float.intBitsToFloat((int) (least >> 32));
        // Of those with the least score, the ones up to this index are kept.
        int last = index(least) < 0 ? count - 1 : index(least);
        int kept = 0;
        // Written in any case: a branch that goes either way costs more.
        for (int i = 0; i <= last; i++) {
            boolean keeps = scores[offset + i] >= leastScore;
            tokens[kept] = tokens[i];
            weights[kept] = weights[i];
            kept += keeps ? 1 : 0;
        }
        for (int i = last + 1; i < count; i++) {
            boolean keeps = scores[offset + i] > leastScore;
            tokens[kept] = tokens[i];
            weights[kept] = weights[i];
            kept += keeps ? 1 : 0;
        }
        return kept;
    }

    private void fillBuckets(float[] weights, float[] scores, int offset, int count) {
        Arrays.fill(bucketWeights, 0);
        for (int i = 0; i < count; i++) {
            bucketWeights[bucket(scores[offset + i])] += weights[i];
        }
    }

    private double bucketTotal() {
        double total = 0;
        for (double weight : bucketWeights) {
            total += weight;
        }
        return total;
    }

    /** The smallest key of the set whose buckets are filled. @param target positive */
    private long leastKept(float[] weights, float[] scores, int offset, int count,
            double target) {
        double above = 0; // weight of the buckets above, always below the target
        for (int bucket = BUCKETS - 1; bucket > 0; bucket--) {
            if (above + bucketWeights[bucket] >= target) {
                return leastKept(weights, fill(scores, offset, count, bucket), above, target,
                        (long) bucket << BUCKET_SHIFT + Integer.SIZE);
            }
            above += bucketWeights[bucket];
        }
        return 0; // rounding kept the sum below the target: everything is needed
    }

    private static int bucket(float score) {
        return Float.floatToRawIntBits(score) >> BUCKET_SHIFT;
    }

    /** Fills {@code keys} with the candidates of a bucket; returns how many there are. */
    private int fill(float[] scores, int offset, int count, int bucket) {
        int filled = 0;
        for (int i = 0; i < count; i++) {
            if (bucket(scores[offset + i]) == bucket) {
                keys[filled++] = key(scores[offset + i], i);
            }
        }
        return filled;
    }

    /**
     * The smallest key that is needed to reach the target: quickselect by cumulative weight.
     *
     * @param higher weight of the candidates that are not among the keys and come before them
     * @param all    returned if rounding keeps even the sum of all keys below the target
     */
    private long leastKept(float[] weights, int count, double higher, double target, long all) {
        int low = 0;
        int high = count;
        double above = higher; // with keys [0, low), which are larger; always below the target
        while (low < high) {
            int middle = partition(low, high);
            double larger = above;
            for (int i = low; i < middle; i++) {
                larger += weights[index(keys[i])];
            }
            if (larger >= target) {
                high = middle;
            } else if (larger + weights[index(keys[middle])] >= target) {
                return keys[middle];
            } else {
                above = larger + weights[index(keys[middle])];
                low = middle + 1;
            }
        }
        return all;
    }

    /** Moves what is larger than a pivot before it; returns where the pivot stands then. */
    private int partition(int low, int high) {
        swap(medianOfThree(low, low + high >>> 1, high - 1), high - 1);
        long pivot = keys[high - 1];
        int middle = low;
        for (int i = low; i < high - 1; i++) {
            if (keys[i] > pivot) {
                swap(i, middle++);
            }
        }
        swap(middle, high - 1);
        return middle;
    }

    private int medianOfThree(int first, int second, int third) {
        long a = keys[first];
        long b = keys[second];
        long c = keys[third];
        if (a < b) {
            return b < c ? second : a < c ? third : first;
        }
        return a < c ? first : b < c ? third : second;
    }

    private void swap(int i, int j) {
        long key = keys[i];
        keys[i] = keys[j];
        keys[j] = key;
    }

    private static long key(float score, int index) {
        return (long) Float.floatToRawIntBits(score) << 32 | ~index & 0xFFFFFFFFL;
    }

    private static int index(long key) {
        return ~(int) key;
    }
}
