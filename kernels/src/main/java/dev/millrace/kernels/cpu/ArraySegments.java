package dev.millrace.kernels.cpu;

import java.lang.foreign.MemorySegment;

/**
 * Segments of the arrays that one thread hands to native functions again and again. Made anew for
 * every call they would live on the heap until the JIT finds that it can do without, and on some
 * machines it never does. A thread meets few arrays; with more than these, segments are made again.
 */
final class ArraySegments {

    private static final int KEPT = 16;

    private final float[][] arrays = new float[KEPT][];
    private final MemorySegment[] segments = new MemorySegment[KEPT];
    private int oldest;

    /** The whole array; the same object while it is among those kept. */
    MemorySegment of(float[] array) {
        for (int i = 0; i < KEPT; i++) {
            if (arrays[i] == array) {
                return segments[i];
            }
        }
        MemorySegment segment = MemorySegment.ofArray(array);
        arrays[oldest] = array;
        segments[oldest] = segment;
        oldest = (oldest + 1) % KEPT;
        return segment;
    }
}
