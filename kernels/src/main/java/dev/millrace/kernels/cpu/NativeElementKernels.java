package dev.millrace.kernels.cpu;

import dev.millrace.kernels.GateFunction;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

/**
 * Element kernels in C, which {@code elements.h} has: the arithmetic of
 * {@link VectorElementKernels} with 512 bits on every processor, and fast from the first call on,
 * where those on the Vector API wait for the JIT.
 */
final class NativeElementKernels implements ElementKernels {

    /** Lanes of what is summed or compared across elements. */
    static final int LANES = 16;

    /** The same for all: variant, three arrays with offsets, count, two numbers, an option. */
    private static final FunctionDescriptor TYPE = FunctionDescriptor.ofVoid(JAVA_INT, ADDRESS,
            JAVA_LONG, ADDRESS, JAVA_LONG, ADDRESS, JAVA_LONG, JAVA_LONG, JAVA_FLOAT, JAVA_FLOAT,
            JAVA_INT);

    // Constants, or every call would cost ten times as much and allocate.
    private static final MethodHandle SUM_SQUARES = NativeFunctions.kernel("sum_squares", TYPE);
    private static final MethodHandle SCALE_MULTIPLY = NativeFunctions.kernel("scale_multiply",
            TYPE);
    private static final MethodHandle ADD = NativeFunctions.kernel("add", TYPE);
    private static final MethodHandle ADD_SCALED = NativeFunctions.kernel("add_scaled", TYPE);
    private static final MethodHandle SCALE = NativeFunctions.kernel("scale", TYPE);
    private static final MethodHandle GELU_ARGUMENTS = NativeFunctions.kernel("gelu_arguments",
            TYPE);
    private static final MethodHandle CLAMP_GATE = NativeFunctions.kernel("clamp_gate", TYPE);
    private static final MethodHandle DIVIDE_MULTIPLY = NativeFunctions.kernel("divide_multiply",
            TYPE);
    private static final MethodHandle ROTATE_HALVES = NativeFunctions.kernel("rotate_halves", TYPE);
    private static final MethodHandle ROTATE_ADJACENT = NativeFunctions.kernel("rotate_adjacent",
            TYPE);
    private static final MethodHandle FIND_MAXIMA = NativeFunctions.kernel("find_maxima", TYPE);
    private static final MethodHandle EXP_SHIFTED = NativeFunctions.kernel("exp_shifted", TYPE);
    private static final MethodHandle SOFT_CAP = NativeFunctions.kernel("soft_cap", TYPE);
    private static final MethodHandle EXPONENTIATE = NativeFunctions.kernel("exponentiate", TYPE);

    private final int variant;
    private final ThreadLocal<ArraySegments> segments = ThreadLocal
            .withInitial(ArraySegments::new);

    NativeElementKernels(NativeVariant variant) {
        this.variant = variant.ordinal();
    }

    @Override
    public void sumSquares(float[] x, int offset, int count, float[] lanes) {
        ArraySegments mine = segments.get();
        MemorySegment a = mine.of(x);
        MemorySegment b = mine.of(lanes);
        try {
            SUM_SQUARES.invokeExact(variant, a, (long) offset, b, 0L, a, 0L, (long) count, 0f, 0f,
                    0);
        } catch (Throwable e) {
            throw NativeFunctions.rethrow(e);
        }
    }

    @Override
    public void scaleMultiply(float[] x, int xOffset, float scale, float[] factors, float[] out,
            int outOffset) {
        ArraySegments mine = segments.get();
        MemorySegment a = mine.of(x);
        MemorySegment b = mine.of(factors);
        MemorySegment c = mine.of(out);
        try {
            SCALE_MULTIPLY.invokeExact(variant, a, (long) xOffset, b, 0L, c, (long) outOffset,
                    (long) factors.length, scale, 0f, 0);
        } catch (Throwable e) {
            throw NativeFunctions.rethrow(e);
        }
    }

    @Override
    public void add(float[] x, int xOffset, float[] y, int yOffset, int count) {
        ArraySegments mine = segments.get();
        MemorySegment a = mine.of(x);
        MemorySegment b = mine.of(y);
        try {
            ADD.invokeExact(variant, a, (long) xOffset, b, (long) yOffset, a, 0L, (long) count,
                    0f, 0f, 0);
        } catch (Throwable e) {
            throw NativeFunctions.rethrow(e);
        }
    }

    @Override
    public void addScaled(float[] x, int xOffset, float[] y, int yOffset, float factor,
            int count) {
        ArraySegments mine = segments.get();
        MemorySegment a = mine.of(x);
        MemorySegment b = mine.of(y);
        try {
            ADD_SCALED.invokeExact(variant, a, (long) xOffset, b, (long) yOffset, a, 0L,
                    (long) count, factor, 0f, 0);
        } catch (Throwable e) {
            throw NativeFunctions.rethrow(e);
        }
    }

    @Override
    public void scale(float[] x, int offset, float factor, int count) {
        ArraySegments mine = segments.get();
        MemorySegment a = mine.of(x);
        try {
            SCALE.invokeExact(variant, a, (long) offset, a, 0L, a, 0L, (long) count, factor, 0f, 0);
        } catch (Throwable e) {
            throw NativeFunctions.rethrow(e);
        }
    }

    @Override
    public void geluArguments(float[] gate, int offset, int count, float[] out) {
        ArraySegments mine = segments.get();
        MemorySegment a = mine.of(gate);
        MemorySegment b = mine.of(out);
        try {
            GELU_ARGUMENTS.invokeExact(variant, a, (long) offset, b, 0L, a, 0L, (long) count,
                    GateFunction.GELU_LINEAR, GateFunction.GELU_CUBIC, 0);
        } catch (Throwable e) {
            throw NativeFunctions.rethrow(e);
        }
    }

    @Override
    public void clampGate(float[] gate, float[] up, int offset, int count) {
        ArraySegments mine = segments.get();
        MemorySegment a = mine.of(gate);
        MemorySegment b = mine.of(up);
        try {
            CLAMP_GATE.invokeExact(variant, a, (long) offset, b, (long) offset, a, 0L,
                    (long) count, GateFunction.CLAMP, 0f, 0);
        } catch (Throwable e) {
            throw NativeFunctions.rethrow(e);
        }
    }

    @Override
    public void divideMultiply(float[] x, float[] divisors, float[] factors, int offset,
            int count) {
        ArraySegments mine = segments.get();
        MemorySegment a = mine.of(x);
        MemorySegment b = mine.of(divisors);
        MemorySegment c = mine.of(factors);
        try {
            DIVIDE_MULTIPLY.invokeExact(variant, a, (long) offset, b, 0L, c, (long) offset,
                    (long) count, 0f, 0f, 0);
        } catch (Throwable e) {
            throw NativeFunctions.rethrow(e);
        }
    }

    @Override
    public void rotateHalves(float[] x, int offset, float[] cosines, float[] sines,
            int angleOffset, int pairs) {
        ArraySegments mine = segments.get();
        MemorySegment a = mine.of(x);
        MemorySegment b = mine.of(cosines);
        MemorySegment c = mine.of(sines);
        try {
            ROTATE_HALVES.invokeExact(variant, a, (long) offset, b, (long) angleOffset, c,
                    (long) angleOffset, (long) pairs, 0f, 0f, 0);
        } catch (Throwable e) {
            throw NativeFunctions.rethrow(e);
        }
    }

    @Override
    public void rotateAdjacent(float[] x, int offset, float[] cosines, float[] sines,
            int angleOffset, int pairs) {
        ArraySegments mine = segments.get();
        MemorySegment a = mine.of(x);
        MemorySegment b = mine.of(cosines);
        MemorySegment c = mine.of(sines);
        try {
            ROTATE_ADJACENT.invokeExact(variant, a, (long) offset, b, (long) angleOffset, c,
                    (long) angleOffset, (long) pairs, 0f, 0f, 0);
        } catch (Throwable e) {
            throw NativeFunctions.rethrow(e);
        }
    }

    @Override
    public void findMaxima(float[] x, int offset, int count, float[] lanes) {
        ArraySegments mine = segments.get();
        MemorySegment a = mine.of(x);
        MemorySegment b = mine.of(lanes);
        try {
            FIND_MAXIMA.invokeExact(variant, a, (long) offset, b, 0L, a, 0L, (long) count, 0f, 0f,
                    0);
        } catch (Throwable e) {
            throw NativeFunctions.rethrow(e);
        }
    }

    @Override
    public void expShifted(float[] x, int xOffset, int count, float max, float scale, float[] out,
            int outOffset) {
        ArraySegments mine = segments.get();
        MemorySegment a = mine.of(x);
        MemorySegment b = mine.of(out);
        try {
            EXP_SHIFTED.invokeExact(variant, a, (long) xOffset, b, (long) outOffset, a, 0L,
                    (long) count, max, scale, 0);
        } catch (Throwable e) {
            throw NativeFunctions.rethrow(e);
        }
    }

    @Override
    public void softCap(float[] x, int offset, int count, float scale, float cap) {
        ArraySegments mine = segments.get();
        MemorySegment a = mine.of(x);
        try {
            SOFT_CAP.invokeExact(variant, a, (long) offset, a, 0L, a, 0L, (long) count,
                    2 * scale / cap, cap, 0);
        } catch (Throwable e) {
            throw NativeFunctions.rethrow(e);
        }
    }

    @Override
    public void exponentiate(float[] x, int offset, int count, float max, float scale, int shift,
            float[] lanes) {
        ArraySegments mine = segments.get();
        MemorySegment a = mine.of(x);
        MemorySegment b = mine.of(lanes);
        try {
            EXPONENTIATE.invokeExact(variant, a, (long) offset, b, 0L, a, 0L, (long) count, max,
                    scale, shift);
        } catch (Throwable e) {
            throw NativeFunctions.rethrow(e);
        }
    }
}
