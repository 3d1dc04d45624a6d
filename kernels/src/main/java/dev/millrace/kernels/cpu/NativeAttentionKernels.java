package dev.millrace.kernels.cpu;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

/**
 * Attention kernels in C, which {@code float_attention.h} has: the same bits as
 * {@link VectorAttentionKernels}, and fast from the first call on, where those on the Vector API
 * wait for the JIT.
 */
final class NativeAttentionKernels implements AttentionKernels {

    /** Kinds of elements, as C numbers them. */
    private static final int FLOATS = 0;
    private static final int HALVES = 1;
    private static final int BYTES = 2;

    private static final FunctionDescriptor PRODUCT = FunctionDescriptor.ofVoid(JAVA_INT, JAVA_INT,
            ADDRESS, JAVA_LONG, JAVA_LONG, JAVA_LONG, ADDRESS, JAVA_LONG, JAVA_LONG, ADDRESS,
            JAVA_LONG, JAVA_LONG);
    private static final FunctionDescriptor EXPANSION = FunctionDescriptor.ofVoid(JAVA_INT,
            JAVA_LONG, JAVA_LONG, JAVA_LONG);

    // Constants, or every call would cost ten times as much and allocate.
    private static final MethodHandle MULTIPLY = NativeFunctions.kernel("multiply_tile", PRODUCT);
    private static final MethodHandle SCORE = NativeFunctions.kernel("score_tile", PRODUCT);
    private static final MethodHandle EXPAND_HALVES = NativeFunctions.kernel("expand_halves",
            EXPANSION);
    private static final MethodHandle EXPAND_BYTES = NativeFunctions.kernel("expand_bytes",
            EXPANSION);
    private static final MethodHandle READ_SCALES = NativeFunctions.kernel("read_scales",
            FunctionDescriptor.ofVoid(JAVA_INT, JAVA_LONG, ADDRESS, JAVA_LONG));

    private final int variant;
    private final ThreadLocal<ArraySegments> segments = ThreadLocal
            .withInitial(ArraySegments::new);

    NativeAttentionKernels(NativeVariant variant) {
        this.variant = variant.ordinal();
    }

    @Override
    public void multiplyFloats(long b, int steps, int rows, float[] a, int aOffset, int aStride,
            float[] c, int cOffset, int cStride) {
        multiply(FLOATS, b, steps, rows, a, aOffset, aStride, c, cOffset, cStride);
    }

    @Override
    public void multiplyHalves(long b, int steps, int rows, float[] a, int aOffset, int aStride,
            float[] c, int cOffset, int cStride) {
        multiply(HALVES, b, steps, rows, a, aOffset, aStride, c, cOffset, cStride);
    }

    @Override
    public void multiplyBytes(long b, int steps, int rows, float[] a, int aOffset, int aStride,
            float[] c, int cOffset, int cStride) {
        multiply(BYTES, b, steps, rows, a, aOffset, aStride, c, cOffset, cStride);
    }

    private void multiply(int elements, long b, int steps, int rows, float[] a, int aOffset,
            int aStride, float[] c, int cOffset, int cStride) {
        ArraySegments mine = segments.get();
        MemorySegment factors = mine.of(a);
        MemorySegment sums = mine.of(c);
        try {
            MULTIPLY.invokeExact(variant, elements, factors, b, (long) steps, (long) rows, factors,
                    (long) aOffset, (long) aStride, sums, (long) cOffset, (long) cStride);
        } catch (Throwable e) {
            throw NativeFunctions.rethrow(e);
        }
    }

    @Override
    public void scoreFloats(float[] scales, long b, int steps, int rows, float[] a, int aOffset,
            int aStride, float[] c, int cOffset, int cStride) {
        score(FLOATS, scales, b, steps, rows, a, aOffset, aStride, c, cOffset, cStride);
    }

    @Override
    public void scoreBytes(float[] scales, long b, int steps, int rows, float[] a, int aOffset,
            int aStride, float[] c, int cOffset, int cStride) {
        score(BYTES, scales, b, steps, rows, a, aOffset, aStride, c, cOffset, cStride);
    }

    private void score(int elements, float[] scales, long b, int steps, int rows, float[] a,
            int aOffset, int aStride, float[] c, int cOffset, int cStride) {
        ArraySegments mine = segments.get();
        MemorySegment units = mine.of(scales);
        MemorySegment factors = mine.of(a);
        MemorySegment sums = mine.of(c);
        try {
            SCORE.invokeExact(variant, elements, units, b, (long) steps, (long) rows, factors,
                    (long) aOffset, (long) aStride, sums, (long) cOffset, (long) cStride);
        } catch (Throwable e) {
            throw NativeFunctions.rethrow(e);
        }
    }

    @Override
    public void expandHalves(long from, int rows, long to) {
        try {
            EXPAND_HALVES.invokeExact(variant, from, (long) rows, to);
        } catch (Throwable e) {
            throw NativeFunctions.rethrow(e);
        }
    }

    @Override
    public void expandBytes(long from, int rows, long to) {
        try {
            EXPAND_BYTES.invokeExact(variant, from, (long) rows, to);
        } catch (Throwable e) {
            throw NativeFunctions.rethrow(e);
        }
    }

    @Override
    public void readScales(long from, float[] to, int offset) {
        MemorySegment scales = segments.get().of(to);
        try {
            READ_SCALES.invokeExact(variant, from, scales, (long) offset);
        } catch (Throwable e) {
            throw NativeFunctions.rethrow(e);
        }
    }
}
