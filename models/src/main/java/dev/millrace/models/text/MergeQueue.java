package dev.millrace.models.text;

import java.util.Arrays;

/**
 * Candidate merges, the highest score first and of equals the leftmost: a binary heap of longs with
 * the score's order in the upper half and the position in the lower.
 */
final class MergeQueue {

    private long[] heap;
    private int size;

    MergeQueue(int capacity) {
        this.heap = new long[Math.max(1, capacity)];
    }

    /** The priority of a merge of this score at this position; the smallest comes first. */
    static long key(float score, int position) {
        // Adding zero makes -0 and 0 equal; flipping the lower bits of negatives puts the bit
        // patterns into the order of the numbers, and the complement turns that order around.
        int bits = Float.floatToRawIntBits(score + 0f);
        int ordered = bits ^ bits >> 31 & Integer.MAX_VALUE;
        return (long) ~ordered << 32 | position;
    }

    static int position(long key) {
        return (int) key;
    }

    boolean isEmpty() {
        return size == 0;
    }

    void add(long key) {
        if (size == heap.length) {
            heap = Arrays.copyOf(heap, 2 * size);
        }
        int child = size++;
        while (child > 0) {
            int parent = child - 1 >>> 1;
            if (heap[parent] <= key) {
                break;
            }
            heap[child] = heap[parent];
            child = parent;
        }
        heap[child] = key;
    }

    /** Removes and returns the smallest key. */
    long poll() {
        long first = heap[0];
        long last = heap[--size];
        int parent = 0;
        while (2 * parent + 1 < size) {
            int child = 2 * parent + 1;
            if (child + 1 < size && heap[child + 1] < heap[child]) {
                child++;
            }
            if (last <= heap[child]) {
                break;
            }
            heap[parent] = heap[child];
            parent = child;
        }
        heap[parent] = last;
        return first;
    }
}
