package dev.millrace.engine.constrain;

import java.util.Arrays;

/** A growing list of integers. */
final class IntList {

    private int[] values = new int[8];
    private int size;

    void add(int value) {
        if (size == values.length) {
            values = Arrays.copyOf(values, 2 * size);
        }
        values[size++] = value;
    }

    int get(int index) {
        return values[index];
    }

    int size() {
        return size;
    }

    boolean isEmpty() {
        return size == 0;
    }

    int removeLast() {
        return values[--size];
    }

    void clear() {
        size = 0;
    }

    boolean sameAs(IntList other) {
        return Arrays.equals(values, 0, size, other.values, 0, other.size);
    }

    int[] toArray() {
        return Arrays.copyOf(values, size);
    }

    int[] sorted() {
        int[] sorted = toArray();
        Arrays.sort(sorted);
        return sorted;
    }
}
