package dev.millrace.engine.forward;

/**
 * Finds the largest few of many values without sorting the rest: one pass with a bounded heap.
 *
 * <p>Larger values come first, equal values in the order of their index, so that the selection is
 * unique.
 */
final class TopSelection {

    /** Orders by value, then by falling index; the smallest key at the root of the heap. */
    private final long[] heap;

    /** @param limit most values that will ever be selected */
    TopSelection(int limit) {
        heap = new long[limit];
    }

    /**
     * Selects the {@code wanted} largest of {@code count} values, best first; none may be NaN.
     *
     * @return how many there are: the smaller of the two
     */
    int select(float[] values, int offset, int count, int wanted) {
        int size = Math.min(wanted, count);
        if (size == 0) {
            return 0;
        }
        for (int i = 0; i < size; i++) {
            heap[i] = key(values[offset + i], i);
        }
        for (int parent = size / 2 - 1; parent >= 0; parent--) {
            sink(parent, size);
        }
        float least = value(0);
        for (int i = size; i < count; i++) {
            if (values[offset + i] > least) {
                heap[0] = key(values[offset + i], i);
                sink(0, size);
                least = value(0);
            }
        }
        for (int end = size - 1; end > 0; end--) {
            long smallest = heap[0];
            heap[0] = heap[end];
            heap[end] = smallest;
            sink(0, end);
        }
        return size;
    }

    /** Where the {@code rank}-th selected value stood, counted from the offset. */
    int index(int rank) {
        return ~(int) heap[rank];
    }

    /** The {@code rank}-th selected value. */
    float value(int rank) {
        return Float.intBitsToFloat(ordered((int) (heap[rank] >> 32)));
    }

    private static long key(float value, int index) {
        // Adding 0 turns -0 into +0: equal values must tie.
        return (long) ordered(Float.floatToRawIntBits(value + 0f)) << 32 | ~index & 0xFFFFFFFFL;
    }

    /** Maps float bits to ints that compare like the floats; its own inverse. */
    private static int ordered(int bits) {
        return bits ^ bits >> 31 & 0x7FFFFFFF;
    }

    private void sink(int parent, int size) {
        long moving = heap[parent];
        for (int child = 2 * parent + 1; child < size; child = 2 * parent + 1) {
            if (child + 1 < size && heap[child + 1] < heap[child]) {
                child++;
            }
            if (heap[child] >= moving) {
                break;
            }
            heap[parent] = heap[child];
            parent = child;
        }
        heap[parent] = moving;
    }
}
