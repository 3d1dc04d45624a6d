package dev.millrace.kernels.cpu;

import java.lang.foreign.MemorySegment;

/**
 * Segments of the arrays that one thread hands to native functions again and again. Made anew for
 * every call they would live on the heap until the JIT finds that it can do without, and on some
 * machines it never does.
 *
 * <p>A step meets its buffers and two or four norms' weights per layer, in the same order again and
 * again: whatever forgets the one that was used longest ago would forget each before it comes back.
 * So an array has two places by its identity, and hardly ever loses both.
 */
final class ArraySegments {

    /** Of two places each; a model of 100 layers has some 400 arrays. */
    private static final int SETS = 512;

    private static volatile int closings;

    private final float[][] arrays = new float[2 * SETS][];
    private final MemorySegment[] segments = new MemorySegment[2 * SETS];
    private int seenClosings;

    /** Lets the arrays of what has been closed be collected, once a thread is here again. */
    static synchronized void forgetAll() {
        closings++;
    }

    /** The whole array; the same object while it is among those kept. */
    MemorySegment of(float[] array) {
        int first = 2 * (System.identityHashCode(array) & SETS - 1);
        if (seenClosings != closings) {
            forget();
        } else if (arrays[first] == array) {
            return segments[first];
        } else if (arrays[first + 1] == array) {
            return segments[first + 1];
        }
        MemorySegment segment = MemorySegment.ofArray(array);
        arrays[first + 1] = arrays[first];
        segments[first + 1] = segments[first];
        arrays[first] = array;
        segments[first] = segment;
        return segment;
    }

    private void forget() {
        seenClosings = closings;
        for (int i = 0; i < arrays.length; i++) {
            arrays[i] = null;
            segments[i] = null;
        }
    }
}
