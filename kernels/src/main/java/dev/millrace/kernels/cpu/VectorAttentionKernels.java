package dev.millrace.kernels.cpu;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.nio.ByteOrder;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

import static dev.millrace.kernels.cpu.KvLayout.LANES;
import static dev.millrace.kernels.cpu.KvLayout.PAIRS;

/**
 * Attention kernels on the Vector API, specialised by {@link VectorWidth}.
 *
 * <p>The products are one loop written out for each kind of elements and each way to begin and end:
 * two vectors of a tile's row times four factors keep eight sums in registers. A method that they
 * could share would have to take or return vectors, and the compiler does not always inline those.
 */
final class VectorAttentionKernels implements AttentionKernels {

    private static final VectorShape SHAPE = VectorWidth.shapeOf(MethodHandles.lookup());
    private static final VectorSpecies<Float> F = VectorSpecies.of(float.class, SHAPE);
    private static final VectorSpecies<Integer> I = VectorSpecies.of(int.class, SHAPE);
    private static final VectorSpecies<Short> S = VectorSpecies.of(short.class,
            VectorShape.forBitSize(SHAPE.vectorBitSize() / 2));
    private static final int L = F.length();
    /** As many bytes as floats, but no register of bytes is shorter than 64 bits. */
    private static final VectorSpecies<Byte> B = L == 16
            ? ByteVector.SPECIES_128
            : ByteVector.SPECIES_64;
    private static final long FLOATS_BYTES = L * (long) Float.BYTES;
    private static final long FLOAT_ROW_BYTES = LANES * (long) Float.BYTES;
    private static final long HALF_ROW_BYTES = LANES * (long) Short.BYTES;
    private static final MemorySegment ALL = RawMemory.ALL;
    private static final ByteOrder LE = ByteOrder.LITTLE_ENDIAN;

    @Override
    public void multiplyFloats(long b, int steps, int rows, float[] a, int aOffset, int aStride,
            float[] c, int cOffset, int cStride) {
        for (int row = 0; row < rows; row += ROWS) {
            multiplyFloats(b, steps, a, aOffset + row * aStride, aStride, c,
                    cOffset + row * cStride, cStride);
        }
    }

    private void multiplyFloats(long b, int steps, float[] a, int aOffset, int aStride, float[] c,
            int cOffset, int cStride) {
        int a1 = aOffset + aStride;
        int a2 = a1 + aStride;
        int a3 = a2 + aStride;
        for (int lane = 0; lane < LANES; lane += 2 * L) {
            int c0 = cOffset + lane;
            int c1 = c0 + cStride;
            int c2 = c1 + cStride;
            int c3 = c2 + cStride;
            FloatVector s0 = FloatVector.fromArray(F, c, c0);
            FloatVector t0 = FloatVector.fromArray(F, c, c0 + L);
            FloatVector s1 = FloatVector.fromArray(F, c, c1);
            FloatVector t1 = FloatVector.fromArray(F, c, c1 + L);
            FloatVector s2 = FloatVector.fromArray(F, c, c2);
            FloatVector t2 = FloatVector.fromArray(F, c, c2 + L);
            FloatVector s3 = FloatVector.fromArray(F, c, c3);
            FloatVector t3 = FloatVector.fromArray(F, c, c3 + L);
            long row = b + (long) lane * Float.BYTES;
            for (int k = 0; k < steps; k++, row += FLOAT_ROW_BYTES) {
                FloatVector u = FloatVector.fromMemorySegment(F, ALL, row, LE);
                FloatVector v = FloatVector.fromMemorySegment(F, ALL, row + FLOATS_BYTES, LE);
                FloatVector factor = FloatVector.broadcast(F, a[aOffset + k]);
                s0 = u.fma(factor, s0);
                t0 = v.fma(factor, t0);
                factor = FloatVector.broadcast(F, a[a1 + k]);
                s1 = u.fma(factor, s1);
                t1 = v.fma(factor, t1);
                factor = FloatVector.broadcast(F, a[a2 + k]);
                s2 = u.fma(factor, s2);
                t2 = v.fma(factor, t2);
                factor = FloatVector.broadcast(F, a[a3 + k]);
                s3 = u.fma(factor, s3);
                t3 = v.fma(factor, t3);
            }
            s0.intoArray(c, c0);
            t0.intoArray(c, c0 + L);
            s1.intoArray(c, c1);
            t1.intoArray(c, c1 + L);
            s2.intoArray(c, c2);
            t2.intoArray(c, c2 + L);
            s3.intoArray(c, c3);
            t3.intoArray(c, c3 + L);
        }
    }

    @Override
    public void multiplyHalves(long b, int steps, int rows, float[] a, int aOffset, int aStride,
            float[] c, int cOffset, int cStride) {
        for (int row = 0; row < rows; row += ROWS) {
            multiplyHalves(b, steps, a, aOffset + row * aStride, aStride, c,
                    cOffset + row * cStride, cStride);
        }
    }

    private void multiplyHalves(long b, int steps, float[] a, int aOffset, int aStride, float[] c,
            int cOffset, int cStride) {
        int a1 = aOffset + aStride;
        int a2 = a1 + aStride;
        int a3 = a2 + aStride;
        for (int lane = 0; lane < PAIRS; lane += L) {
            int c0 = cOffset + lane;
            int c1 = c0 + cStride;
            int c2 = c1 + cStride;
            int c3 = c2 + cStride;
            FloatVector s0 = FloatVector.fromArray(F, c, c0);
            FloatVector t0 = FloatVector.fromArray(F, c, c0 + PAIRS);
            FloatVector s1 = FloatVector.fromArray(F, c, c1);
            FloatVector t1 = FloatVector.fromArray(F, c, c1 + PAIRS);
            FloatVector s2 = FloatVector.fromArray(F, c, c2);
            FloatVector t2 = FloatVector.fromArray(F, c, c2 + PAIRS);
            FloatVector s3 = FloatVector.fromArray(F, c, c3);
            FloatVector t3 = FloatVector.fromArray(F, c, c3 + PAIRS);
            long row = b + (long) lane * Integer.BYTES;
            for (int k = 0; k < steps; k++, row += HALF_ROW_BYTES) {
                IntVector pair = IntVector.fromMemorySegment(I, ALL, row, LE);
                FloatVector u = pair.lanewise(VectorOperators.LSHL, Short.SIZE)
                        .lanewise(VectorOperators.ASHR, Short.SIZE - Halves.SHIFT)
                        .and(Halves.FINITE).reinterpretAsFloats();
                FloatVector v = pair.lanewise(VectorOperators.ASHR, Short.SIZE - Halves.SHIFT)
                        .and(Halves.FINITE).reinterpretAsFloats();
                FloatVector factor = FloatVector.broadcast(F, a[aOffset + k]);
                s0 = u.fma(factor, s0);
                t0 = v.fma(factor, t0);
                factor = FloatVector.broadcast(F, a[a1 + k]);
                s1 = u.fma(factor, s1);
                t1 = v.fma(factor, t1);
                factor = FloatVector.broadcast(F, a[a2 + k]);
                s2 = u.fma(factor, s2);
                t2 = v.fma(factor, t2);
                factor = FloatVector.broadcast(F, a[a3 + k]);
                s3 = u.fma(factor, s3);
                t3 = v.fma(factor, t3);
            }
            s0.intoArray(c, c0);
            t0.intoArray(c, c0 + PAIRS);
            s1.intoArray(c, c1);
            t1.intoArray(c, c1 + PAIRS);
            s2.intoArray(c, c2);
            t2.intoArray(c, c2 + PAIRS);
            s3.intoArray(c, c3);
            t3.intoArray(c, c3 + PAIRS);
        }
    }

    @Override
    public void multiplyBytes(long b, int steps, int rows, float[] a, int aOffset, int aStride,
            float[] c, int cOffset, int cStride) {
        for (int row = 0; row < rows; row += ROWS) {
            multiplyBytes(b, steps, a, aOffset + row * aStride, aStride, c,
                    cOffset + row * cStride, cStride);
        }
    }

    private void multiplyBytes(long b, int steps, float[] a, int aOffset, int aStride, float[] c,
            int cOffset, int cStride) {
        int a1 = aOffset + aStride;
        int a2 = a1 + aStride;
        int a3 = a2 + aStride;
        for (int lane = 0; lane < LANES; lane += 2 * L) {
            int c0 = cOffset + lane;
            int c1 = c0 + cStride;
            int c2 = c1 + cStride;
            int c3 = c2 + cStride;
            FloatVector s0 = FloatVector.fromArray(F, c, c0);
            FloatVector t0 = FloatVector.fromArray(F, c, c0 + L);
            FloatVector s1 = FloatVector.fromArray(F, c, c1);
            FloatVector t1 = FloatVector.fromArray(F, c, c1 + L);
            FloatVector s2 = FloatVector.fromArray(F, c, c2);
            FloatVector t2 = FloatVector.fromArray(F, c, c2 + L);
            FloatVector s3 = FloatVector.fromArray(F, c, c3);
            FloatVector t3 = FloatVector.fromArray(F, c, c3 + L);
            long row = b + lane;
            for (int k = 0; k < steps; k++, row += LANES) {
                ByteVector bytes = ByteVector.fromMemorySegment(B, ALL, row, LE);
                FloatVector u = (FloatVector) bytes.castShape(F, 0);
                FloatVector v = (FloatVector) (B.length() > L
                        ? bytes.castShape(F, 1)
                        : ByteVector.fromMemorySegment(B, ALL, row + L, LE).castShape(F, 0));
                FloatVector factor = FloatVector.broadcast(F, a[aOffset + k]);
                s0 = u.fma(factor, s0);
                t0 = v.fma(factor, t0);
                factor = FloatVector.broadcast(F, a[a1 + k]);
                s1 = u.fma(factor, s1);
                t1 = v.fma(factor, t1);
                factor = FloatVector.broadcast(F, a[a2 + k]);
                s2 = u.fma(factor, s2);
                t2 = v.fma(factor, t2);
                factor = FloatVector.broadcast(F, a[a3 + k]);
                s3 = u.fma(factor, s3);
                t3 = v.fma(factor, t3);
            }
            s0.intoArray(c, c0);
            t0.intoArray(c, c0 + L);
            s1.intoArray(c, c1);
            t1.intoArray(c, c1 + L);
            s2.intoArray(c, c2);
            t2.intoArray(c, c2 + L);
            s3.intoArray(c, c3);
            t3.intoArray(c, c3 + L);
        }
    }

    @Override
    public void scoreFloats(float[] scales, long b, int steps, int rows, float[] a, int aOffset,
            int aStride,
            float[] c, int cOffset, int cStride) {
        for (int row = 0; row < rows; row += ROWS) {
            scoreFloats(scales, b, steps, a, aOffset + row * aStride, aStride, c,
                    cOffset + row * cStride, cStride);
        }
    }

    private void scoreFloats(float[] scales, long b, int steps, float[] a, int aOffset, int aStride,
            float[] c,
            int cOffset, int cStride) {
        int a1 = aOffset + aStride;
        int a2 = a1 + aStride;
        int a3 = a2 + aStride;
        for (int lane = 0; lane < LANES; lane += 2 * L) {
            int c0 = cOffset + lane;
            int c1 = c0 + cStride;
            int c2 = c1 + cStride;
            int c3 = c2 + cStride;
            FloatVector s0 = FloatVector.zero(F);
            FloatVector t0 = s0;
            FloatVector s1 = s0;
            FloatVector t1 = s0;
            FloatVector s2 = s0;
            FloatVector t2 = s0;
            FloatVector s3 = s0;
            FloatVector t3 = s0;
            long row = b + (long) lane * Float.BYTES;
            for (int k = 0; k < steps; k++, row += FLOAT_ROW_BYTES) {
                FloatVector u = FloatVector.fromMemorySegment(F, ALL, row, LE);
                FloatVector v = FloatVector.fromMemorySegment(F, ALL, row + FLOATS_BYTES, LE);
                FloatVector factor = FloatVector.broadcast(F, a[aOffset + k]);
                s0 = u.fma(factor, s0);
                t0 = v.fma(factor, t0);
                factor = FloatVector.broadcast(F, a[a1 + k]);
                s1 = u.fma(factor, s1);
                t1 = v.fma(factor, t1);
                factor = FloatVector.broadcast(F, a[a2 + k]);
                s2 = u.fma(factor, s2);
                t2 = v.fma(factor, t2);
                factor = FloatVector.broadcast(F, a[a3 + k]);
                s3 = u.fma(factor, s3);
                t3 = v.fma(factor, t3);
            }
            FloatVector u = FloatVector.fromArray(F, scales, lane);
            FloatVector v = FloatVector.fromArray(F, scales, lane + L);
            s0.fma(u, FloatVector.fromArray(F, c, c0)).intoArray(c, c0);
            t0.fma(v, FloatVector.fromArray(F, c, c0 + L)).intoArray(c, c0 + L);
            s1.fma(u, FloatVector.fromArray(F, c, c1)).intoArray(c, c1);
            t1.fma(v, FloatVector.fromArray(F, c, c1 + L)).intoArray(c, c1 + L);
            s2.fma(u, FloatVector.fromArray(F, c, c2)).intoArray(c, c2);
            t2.fma(v, FloatVector.fromArray(F, c, c2 + L)).intoArray(c, c2 + L);
            s3.fma(u, FloatVector.fromArray(F, c, c3)).intoArray(c, c3);
            t3.fma(v, FloatVector.fromArray(F, c, c3 + L)).intoArray(c, c3 + L);
        }
    }

    @Override
    public void scoreBytes(float[] scales, long b, int steps, int rows, float[] a, int aOffset,
            int aStride,
            float[] c, int cOffset, int cStride) {
        for (int row = 0; row < rows; row += ROWS) {
            scoreBytes(scales, b, steps, a, aOffset + row * aStride, aStride, c,
                    cOffset + row * cStride, cStride);
        }
    }

    private void scoreBytes(float[] scales, long b, int steps, float[] a, int aOffset, int aStride,
            float[] c,
            int cOffset, int cStride) {
        int a1 = aOffset + aStride;
        int a2 = a1 + aStride;
        int a3 = a2 + aStride;
        for (int lane = 0; lane < LANES; lane += 2 * L) {
            int c0 = cOffset + lane;
            int c1 = c0 + cStride;
            int c2 = c1 + cStride;
            int c3 = c2 + cStride;
            FloatVector s0 = FloatVector.zero(F);
            FloatVector t0 = s0;
            FloatVector s1 = s0;
            FloatVector t1 = s0;
            FloatVector s2 = s0;
            FloatVector t2 = s0;
            FloatVector s3 = s0;
            FloatVector t3 = s0;
            long row = b + lane;
            for (int k = 0; k < steps; k++, row += LANES) {
                ByteVector bytes = ByteVector.fromMemorySegment(B, ALL, row, LE);
                FloatVector u = (FloatVector) bytes.castShape(F, 0);
                FloatVector v = (FloatVector) (B.length() > L
                        ? bytes.castShape(F, 1)
                        : ByteVector.fromMemorySegment(B, ALL, row + L, LE).castShape(F, 0));
                FloatVector factor = FloatVector.broadcast(F, a[aOffset + k]);
                s0 = u.fma(factor, s0);
                t0 = v.fma(factor, t0);
                factor = FloatVector.broadcast(F, a[a1 + k]);
                s1 = u.fma(factor, s1);
                t1 = v.fma(factor, t1);
                factor = FloatVector.broadcast(F, a[a2 + k]);
                s2 = u.fma(factor, s2);
                t2 = v.fma(factor, t2);
                factor = FloatVector.broadcast(F, a[a3 + k]);
                s3 = u.fma(factor, s3);
                t3 = v.fma(factor, t3);
            }
            FloatVector u = FloatVector.fromArray(F, scales, lane);
            FloatVector v = FloatVector.fromArray(F, scales, lane + L);
            s0.fma(u, FloatVector.fromArray(F, c, c0)).intoArray(c, c0);
            t0.fma(v, FloatVector.fromArray(F, c, c0 + L)).intoArray(c, c0 + L);
            s1.fma(u, FloatVector.fromArray(F, c, c1)).intoArray(c, c1);
            t1.fma(v, FloatVector.fromArray(F, c, c1 + L)).intoArray(c, c1 + L);
            s2.fma(u, FloatVector.fromArray(F, c, c2)).intoArray(c, c2);
            t2.fma(v, FloatVector.fromArray(F, c, c2 + L)).intoArray(c, c2 + L);
            s3.fma(u, FloatVector.fromArray(F, c, c3)).intoArray(c, c3);
            t3.fma(v, FloatVector.fromArray(F, c, c3 + L)).intoArray(c, c3 + L);
        }
    }

    @Override
    public void expandHalves(long from, int rows, long to) {
        for (int row = 0; row < rows; row++, to += FLOAT_ROW_BYTES) {
            for (int i = 0; i < PAIRS; i += L, from += FLOATS_BYTES) {
                IntVector pair = IntVector.fromMemorySegment(I, ALL, from, LE);
                IntVector low = pair.lanewise(VectorOperators.LSHL, Short.SIZE)
                        .lanewise(VectorOperators.ASHR, Short.SIZE - Halves.SHIFT);
                IntVector high = pair.lanewise(VectorOperators.ASHR, Short.SIZE - Halves.SHIFT);
                IntVector u = low.and(Halves.FINITE);
                IntVector v = high.and(Halves.FINITE);
                long address = to + (long) i * Float.BYTES;
                u.blend(u.or(Halves.FLOAT_INFINITY), low.and(Halves.MAGNITUDE)
                        .compare(VectorOperators.GE, Halves.INFINITY))
                        .intoMemorySegment(ALL, address, LE);
                v.blend(v.or(Halves.FLOAT_INFINITY), high.and(Halves.MAGNITUDE)
                        .compare(VectorOperators.GE, Halves.INFINITY))
                        .intoMemorySegment(ALL, address + PAIRS * (long) Float.BYTES, LE);
            }
        }
    }

    @Override
    public void expandBytes(long from, int rows, long to) {
        for (int i = 0; i < rows * LANES; i += B.length()) {
            ByteVector bytes = ByteVector.fromMemorySegment(B, ALL, from + i, LE);
            long address = to + (long) i * Float.BYTES;
            ((FloatVector) bytes.castShape(F, 0)).intoMemorySegment(ALL, address, LE);
            if (B.length() > L) {
                ((FloatVector) bytes.castShape(F, 1)).intoMemorySegment(ALL,
                        address + FLOATS_BYTES, LE);
            }
        }
    }

    @Override
    public void readScales(long from, float[] to, int offset) {
        for (int i = 0; i < LANES; i += L) {
            IntVector bits = ((IntVector) ShortVector
                    .fromMemorySegment(S, ALL, from + (long) i * Short.BYTES, LE)
                    .castShape(I, 0)).lanewise(VectorOperators.LSHL, Halves.SHIFT)
                    .and(Halves.MAGNITUDE);
            IntVector scale = bits.reinterpretAsFloats().mul(Halves.BIAS).reinterpretAsInts();
            scale.blend(scale.or(Halves.FLOAT_INFINITY),
                    bits.compare(VectorOperators.GE, Halves.INFINITY)).reinterpretAsFloats()
                    .intoArray(to, offset + i);
        }
    }
}
