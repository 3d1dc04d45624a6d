package dev.millrace.engine.constrain;

import java.util.Arrays;

/** Bytes that no edge of some automatons tells apart; a class is a run of neighbours. */
final class ByteClasses {

    private final int[] classes = new int[256]; // (bytes)
    private final int[] firsts; // (classes + 1): the last is 256

    /** @param bounds (257): whether a class begins at this byte */
    ByteClasses(boolean[] bounds) {
        int count = 0;
        int[] starts = new int[257];
        for (int value = 0; value < 256; value++) {
            if (value == 0 || bounds[value]) {
                starts[count++] = value;
            }
            classes[value] = count - 1;
        }
        starts[count] = 256;
        firsts = Arrays.copyOf(starts, count + 1);
    }

    int count() {
        return firsts.length - 1;
    }

    int of(int value) {
        return classes[value];
    }

    int firstByte(int byteClass) {
        return firsts[byteClass];
    }

    int lastByte(int byteClass) {
        return firsts[byteClass + 1] - 1;
    }
}
