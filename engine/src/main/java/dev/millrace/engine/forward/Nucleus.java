package dev.millrace.engine.forward;

/**
 * Cuts candidates down to the smallest set that carries a share of their weight: top-p, "nucleus"
 * sampling (Holtzman et al., "The curious case of neural text degeneration", 2019).
 *
 * <p>A selection by weight in expected linear time: a high temperature leaves tens of thousands of
 * tokens in the nucleus, and sorting those would cost more than the step itself.
 */
final class Nucleus {

    /** Orders by weight, then by falling index. */
    private final long[] keys;

    /** @param limit most candidates there will ever be */
    Nucleus(int limit) {
        keys = new long[limit];
    }

    /**
     * Keeps the heaviest candidates that together reach {@code share} of the weight, at least one,
     * and moves them to the front in their old order. Of equals the first is kept.
     *
     * @param weights not negative, not all zero
     * @return how many are kept
     */
    int keep(int[] tokens, float[] weights, int count, float share) {
        double total = 0;
        for (int i = 0; i < count; i++) {
            total += weights[i];
        }
        // Positive even for a share of 0, so that one candidate is needed to reach it.
        double target = Math.max(share * total, Double.MIN_VALUE);
        // All candidates below the floor together weigh less than may be left out.
        double floor = (total - target) / count;
        int likely = 0;
        for (int i = 0; i < count; i++) {
            if (weights[i] >= floor) {
                keys[likely++] = key(weights, i);
            }
        }
        long least = leastKept(likely, target);
        int kept = 0;
        for (int i = 0; i < count; i++) {
            if (key(weights, i) >= least) {
                tokens[kept] = tokens[i];
                weights[kept++] = weights[i];
            }
        }
        return kept;
    }

    /** The smallest key of the set: quickselect by cumulative weight. */
    private long leastKept(int count, double target) {
        int low = 0;
        int high = count;
        double above = 0; // weight of keys [0, low), which are all larger; always below the target
        while (low < high) {
            int middle = partition(low, high);
            double larger = above;
            for (int i = low; i < middle; i++) {
                larger += weight(keys[i]);
            }
            if (larger >= target) {
                high = middle;
            } else if (larger + weight(keys[middle]) >= target) {
                return keys[middle];
            } else {
                above = larger + weight(keys[middle]);
                low = middle + 1;
            }
        }
        return Long.MIN_VALUE; // rounding kept the sum below the target: everything is needed
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

    private static long key(float[] weights, int index) {
        return (long) Float.floatToRawIntBits(weights[index]) << 32 | ~index & 0xFFFFFFFFL;
    }

    private static float weight(long key) {
        return Float.intBitsToFloat((int) (key >> 32));
    }
}
