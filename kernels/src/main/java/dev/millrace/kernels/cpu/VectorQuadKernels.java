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

import static dev.millrace.kernels.cpu.PackedLayout.UNIT_COLUMNS;
import static jdk.incubator.vector.VectorOperators.LSHR;

/**
 * Four rows at once on the Vector API, specialised by {@link VectorWidth}: each vector of weights is
 * converted once and used four times. One flat loop each, for the reasons that
 * {@link VectorRowKernels} gives.
 */
final class VectorQuadKernels implements QuadKernels {

    private static final VectorShape SHAPE = VectorWidth.shapeOf(MethodHandles.lookup());
    private static final VectorSpecies<Float> F = VectorSpecies.of(float.class, SHAPE);
    private static final VectorSpecies<Integer> I = VectorSpecies.of(int.class, SHAPE);
    private static final VectorSpecies<Short> S = VectorSpecies.of(short.class,
            VectorShape.forBitSize(Math.max(SHAPE.vectorBitSize() / 2, 64)));
    private static final int L = F.length();
    /** As many bytes as floats, but no register of bytes is shorter than 64 bits. */
    private static final VectorSpecies<Byte> B = L == 16
            ? ByteVector.SPECIES_128
            : ByteVector.SPECIES_64;
    private static final MemorySegment ALL = RawMemory.ALL;
    private static final ByteOrder LE = ByteOrder.LITTLE_ENDIAN;

    private static final int L_BYTES = L * Float.BYTES;
    private static final int HALF_BYTES = L * Short.BYTES;
    /** The last four columns of a unit, and of a block of coded scales, have all of these bits. */
    private static final int UNIT_END = UNIT_COLUMNS - 4;
    private static final int BLOCK_END = 256 - 4;

    @Override
    public boolean reads(PackedLayout.Codes codes) {
        return switch (codes) {
            case BYTES -> B.length() == L;
            case NIBBLES -> L == NibbleTable.ENTRIES;
            case F32, F16, BF16 -> false;
        };
    }

    @Override
    public void addBytesUnderHalves(RowQuad quad, long unit, int units) {
        float[] x = quad.x;
        int x0 = quad.x0;
        int x1 = quad.x1;
        int x2 = quad.x2;
        int x3 = quad.x3;
        long bytes = quad.accumulatorBytes;
        long accumulators = quad.accumulators;
        FloatVector total0 = FloatVector.fromMemorySegment(F, ALL, accumulators, LE);
        FloatVector total1 = FloatVector.fromMemorySegment(F, ALL, accumulators + bytes, LE);
        FloatVector total2 = FloatVector.fromMemorySegment(F, ALL, accumulators + 2 * bytes, LE);
        FloatVector total3 = FloatVector.fromMemorySegment(F, ALL, accumulators + 3 * bytes, LE);
        FloatVector sum0 = FloatVector.zero(F);
        FloatVector sum1 = sum0;
        FloatVector sum2 = sum0;
        FloatVector sum3 = sum0;
        FloatVector earlier0 = sum0;
        FloatVector earlier1 = sum0;
        FloatVector earlier2 = sum0;
        FloatVector earlier3 = sum0;
        long codes = unit + HALF_BYTES;
        for (int k = 0; k < units * UNIT_COLUMNS; k += 4, codes += 4 * L) {
            FloatVector w = (FloatVector) ByteVector.fromMemorySegment(B, ALL, codes, LE)
                    .castShape(F, 0);
            sum0 = w.fma(FloatVector.broadcast(F, x[x0 + k]), sum0);
            sum1 = w.fma(FloatVector.broadcast(F, x[x1 + k]), sum1);
            sum2 = w.fma(FloatVector.broadcast(F, x[x2 + k]), sum2);
            sum3 = w.fma(FloatVector.broadcast(F, x[x3 + k]), sum3);
            w = (FloatVector) ByteVector.fromMemorySegment(B, ALL, codes + L, LE)
                    .castShape(F, 0);
            sum0 = w.fma(FloatVector.broadcast(F, x[x0 + k + 1]), sum0);
            sum1 = w.fma(FloatVector.broadcast(F, x[x1 + k + 1]), sum1);
            sum2 = w.fma(FloatVector.broadcast(F, x[x2 + k + 1]), sum2);
            sum3 = w.fma(FloatVector.broadcast(F, x[x3 + k + 1]), sum3);
            w = (FloatVector) ByteVector.fromMemorySegment(B, ALL, codes + 2 * L, LE)
                    .castShape(F, 0);
            sum0 = w.fma(FloatVector.broadcast(F, x[x0 + k + 2]), sum0);
            sum1 = w.fma(FloatVector.broadcast(F, x[x1 + k + 2]), sum1);
            sum2 = w.fma(FloatVector.broadcast(F, x[x2 + k + 2]), sum2);
            sum3 = w.fma(FloatVector.broadcast(F, x[x3 + k + 2]), sum3);
            w = (FloatVector) ByteVector.fromMemorySegment(B, ALL, codes + 3 * L, LE)
                    .castShape(F, 0);
            sum0 = w.fma(FloatVector.broadcast(F, x[x0 + k + 3]), sum0);
            sum1 = w.fma(FloatVector.broadcast(F, x[x1 + k + 3]), sum1);
            sum2 = w.fma(FloatVector.broadcast(F, x[x2 + k + 3]), sum2);
            sum3 = w.fma(FloatVector.broadcast(F, x[x3 + k + 3]), sum3);
            if ((k & 28) == 28) {
                FloatVector scale = ((IntVector) ShortVector.fromMemorySegment(S, ALL, unit, LE)
                        .castShape(I, 0)).lanewise(VectorOperators.LSHL, Halves.SHIFT)
                        .and(Halves.FINITE).reinterpretAsFloats().mul(Halves.BIAS);
                total0 = earlier0.add(sum0).fma(scale, total0);
                total1 = earlier1.add(sum1).fma(scale, total1);
                total2 = earlier2.add(sum2).fma(scale, total2);
                total3 = earlier3.add(sum3).fma(scale, total3);
                sum0 = FloatVector.zero(F);
                sum1 = sum0;
                sum2 = sum0;
                sum3 = sum0;
                earlier0 = sum0;
                earlier1 = sum0;
                earlier2 = sum0;
                earlier3 = sum0;
                unit += HALF_BYTES + UNIT_COLUMNS * L;
                codes += HALF_BYTES;
            } else if ((k & 12) == 12) {
                earlier0 = sum0;
                earlier1 = sum1;
                earlier2 = sum2;
                earlier3 = sum3;
                sum0 = FloatVector.zero(F);
                sum1 = sum0;
                sum2 = sum0;
                sum3 = sum0;
            }
        }
        total0.intoMemorySegment(ALL, accumulators, LE);
        total1.intoMemorySegment(ALL, accumulators + bytes, LE);
        total2.intoMemorySegment(ALL, accumulators + 2 * bytes, LE);
        total3.intoMemorySegment(ALL, accumulators + 3 * bytes, LE);
    }

    @Override
    public void addBytesUnderCodes(RowQuad quad, PackedLayout layout, long block) {
        float[] x = quad.x;
        int x0 = quad.x0;
        int x1 = quad.x1;
        int x2 = quad.x2;
        int x3 = quad.x3;
        long bytes = quad.accumulatorBytes;
        long accumulators = quad.accumulators;
        float[] xSums = quad.xSums;
        boolean minimums = layout.minimums();
        int factorBytes = layout.factorBytes();
        int codesOffset = layout.codesOffset();
        int minCodesOffset = layout.minCodesOffset();
        // The last columns of a group have all of these bits.
        int groupEnd = layout.groupColumns() - 4;
        int group = 0;
        FloatVector total0 = FloatVector.fromMemorySegment(F, ALL, accumulators, LE);
        FloatVector total1 = FloatVector.fromMemorySegment(F, ALL, accumulators + bytes, LE);
        FloatVector total2 = FloatVector.fromMemorySegment(F, ALL, accumulators + 2 * bytes, LE);
        FloatVector total3 = FloatVector.fromMemorySegment(F, ALL, accumulators + 3 * bytes, LE);
        FloatVector minTotal0 = FloatVector.fromMemorySegment(F, ALL, accumulators + L_BYTES, LE);
        FloatVector minTotal1 = FloatVector.fromMemorySegment(F, ALL,
                accumulators + bytes + L_BYTES, LE);
        FloatVector minTotal2 = FloatVector.fromMemorySegment(F, ALL,
                accumulators + 2 * bytes + L_BYTES, LE);
        FloatVector minTotal3 = FloatVector.fromMemorySegment(F, ALL,
                accumulators + 3 * bytes + L_BYTES, LE);
        FloatVector sum0 = FloatVector.zero(F);
        FloatVector sum1 = sum0;
        FloatVector sum2 = sum0;
        FloatVector sum3 = sum0;
        FloatVector earlier0 = sum0;
        FloatVector earlier1 = sum0;
        FloatVector earlier2 = sum0;
        FloatVector earlier3 = sum0;
        long scales = block + factorBytes;
        long codes = scales + codesOffset;
        for (int k = 0; k < layout.columns(); k += 4, codes += 4 * L) {
            FloatVector w = (FloatVector) ByteVector.fromMemorySegment(B, ALL, codes, LE)
                    .castShape(F, 0);
            sum0 = w.fma(FloatVector.broadcast(F, x[x0 + k]), sum0);
            sum1 = w.fma(FloatVector.broadcast(F, x[x1 + k]), sum1);
            sum2 = w.fma(FloatVector.broadcast(F, x[x2 + k]), sum2);
            sum3 = w.fma(FloatVector.broadcast(F, x[x3 + k]), sum3);
            w = (FloatVector) ByteVector.fromMemorySegment(B, ALL, codes + L, LE)
                    .castShape(F, 0);
            sum0 = w.fma(FloatVector.broadcast(F, x[x0 + k + 1]), sum0);
            sum1 = w.fma(FloatVector.broadcast(F, x[x1 + k + 1]), sum1);
            sum2 = w.fma(FloatVector.broadcast(F, x[x2 + k + 1]), sum2);
            sum3 = w.fma(FloatVector.broadcast(F, x[x3 + k + 1]), sum3);
            w = (FloatVector) ByteVector.fromMemorySegment(B, ALL, codes + 2 * L, LE)
                    .castShape(F, 0);
            sum0 = w.fma(FloatVector.broadcast(F, x[x0 + k + 2]), sum0);
            sum1 = w.fma(FloatVector.broadcast(F, x[x1 + k + 2]), sum1);
            sum2 = w.fma(FloatVector.broadcast(F, x[x2 + k + 2]), sum2);
            sum3 = w.fma(FloatVector.broadcast(F, x[x3 + k + 2]), sum3);
            w = (FloatVector) ByteVector.fromMemorySegment(B, ALL, codes + 3 * L, LE)
                    .castShape(F, 0);
            sum0 = w.fma(FloatVector.broadcast(F, x[x0 + k + 3]), sum0);
            sum1 = w.fma(FloatVector.broadcast(F, x[x1 + k + 3]), sum1);
            sum2 = w.fma(FloatVector.broadcast(F, x[x2 + k + 3]), sum2);
            sum3 = w.fma(FloatVector.broadcast(F, x[x3 + k + 3]), sum3);
            if ((k & groupEnd) == groupEnd) {
                FloatVector scale = ((FloatVector) ByteVector
                        .fromMemorySegment(B, ALL, scales, LE).castShape(F, 0))
                        .mul(FloatVector.fromMemorySegment(F, ALL, block, LE));
                total0 = earlier0.add(sum0).fma(scale, total0);
                total1 = earlier1.add(sum1).fma(scale, total1);
                total2 = earlier2.add(sum2).fma(scale, total2);
                total3 = earlier3.add(sum3).fma(scale, total3);
                if (minimums) {
                    FloatVector minimum = ((FloatVector) ByteVector
                            .fromMemorySegment(B, ALL, scales + minCodesOffset, LE).castShape(F, 0))
                            .mul(FloatVector.fromMemorySegment(F, ALL, block + L_BYTES, LE));
                    minTotal0 = minimum.fma(
                            FloatVector.broadcast(F, xSums[quad.xSums0 + group]), minTotal0);
                    minTotal1 = minimum.fma(
                            FloatVector.broadcast(F, xSums[quad.xSums1 + group]), minTotal1);
                    minTotal2 = minimum.fma(
                            FloatVector.broadcast(F, xSums[quad.xSums2 + group]), minTotal2);
                    minTotal3 = minimum.fma(
                            FloatVector.broadcast(F, xSums[quad.xSums3 + group]), minTotal3);
                    group++;
                }
                sum0 = FloatVector.zero(F);
                sum1 = sum0;
                sum2 = sum0;
                sum3 = sum0;
                earlier0 = sum0;
                earlier1 = sum0;
                earlier2 = sum0;
                earlier3 = sum0;
                scales += L;
            } else if ((k & 12) == 12) {
                earlier0 = sum0;
                earlier1 = sum1;
                earlier2 = sum2;
                earlier3 = sum3;
                sum0 = FloatVector.zero(F);
                sum1 = sum0;
                sum2 = sum0;
                sum3 = sum0;
            }
            if ((k & 28) == 28) {
                scales = codes + 4 * L;
                if ((k & 252) == 252) {
                    block = scales;
                    scales += factorBytes;
                    codes += factorBytes;
                }
                codes += codesOffset;
            }
        }
        total0.intoMemorySegment(ALL, accumulators, LE);
        total1.intoMemorySegment(ALL, accumulators + bytes, LE);
        total2.intoMemorySegment(ALL, accumulators + 2 * bytes, LE);
        total3.intoMemorySegment(ALL, accumulators + 3 * bytes, LE);
        minTotal0.intoMemorySegment(ALL, accumulators + L_BYTES, LE);
        minTotal1.intoMemorySegment(ALL, accumulators + bytes + L_BYTES, LE);
        minTotal2.intoMemorySegment(ALL, accumulators + 2 * bytes + L_BYTES, LE);
        minTotal3.intoMemorySegment(ALL, accumulators + 3 * bytes + L_BYTES, LE);
    }

    @Override
    public void addNibblesUnderHalves(RowQuad quad, long unit, int units, long table) {
        float[] x = quad.x;
        int x0 = quad.x0;
        int x1 = quad.x1;
        int x2 = quad.x2;
        int x3 = quad.x3;
        long bytes = quad.accumulatorBytes;
        long accumulators = quad.accumulators;
        IntVector values = IntVector.fromMemorySegment(I, ALL,
                table + NibbleTable.FLOATS_OFFSET, LE);
        FloatVector total0 = FloatVector.fromMemorySegment(F, ALL, accumulators, LE);
        FloatVector total1 = FloatVector.fromMemorySegment(F, ALL, accumulators + bytes, LE);
        FloatVector total2 = FloatVector.fromMemorySegment(F, ALL, accumulators + 2 * bytes, LE);
        FloatVector total3 = FloatVector.fromMemorySegment(F, ALL, accumulators + 3 * bytes, LE);
        FloatVector sum0 = FloatVector.zero(F);
        FloatVector sum1 = sum0;
        FloatVector sum2 = sum0;
        FloatVector sum3 = sum0;
        FloatVector earlier0 = sum0;
        FloatVector earlier1 = sum0;
        FloatVector earlier2 = sum0;
        FloatVector earlier3 = sum0;
        long codes = unit + HALF_BYTES;
        for (int k = 0; k < units * UNIT_COLUMNS; k += 8, codes += L_BYTES) {
            IntVector word = IntVector.fromMemorySegment(I, ALL, codes, LE);
            FloatVector w = word.selectFrom(values).reinterpretAsFloats();
            sum0 = w.fma(FloatVector.broadcast(F, x[x0 + k]), sum0);
            sum1 = w.fma(FloatVector.broadcast(F, x[x1 + k]), sum1);
            sum2 = w.fma(FloatVector.broadcast(F, x[x2 + k]), sum2);
            sum3 = w.fma(FloatVector.broadcast(F, x[x3 + k]), sum3);
            w = word.lanewise(LSHR, 4).selectFrom(values).reinterpretAsFloats();
            sum0 = w.fma(FloatVector.broadcast(F, x[x0 + k + 1]), sum0);
            sum1 = w.fma(FloatVector.broadcast(F, x[x1 + k + 1]), sum1);
            sum2 = w.fma(FloatVector.broadcast(F, x[x2 + k + 1]), sum2);
            sum3 = w.fma(FloatVector.broadcast(F, x[x3 + k + 1]), sum3);
            w = word.lanewise(LSHR, 8).selectFrom(values).reinterpretAsFloats();
            sum0 = w.fma(FloatVector.broadcast(F, x[x0 + k + 2]), sum0);
            sum1 = w.fma(FloatVector.broadcast(F, x[x1 + k + 2]), sum1);
            sum2 = w.fma(FloatVector.broadcast(F, x[x2 + k + 2]), sum2);
            sum3 = w.fma(FloatVector.broadcast(F, x[x3 + k + 2]), sum3);
            w = word.lanewise(LSHR, 12).selectFrom(values).reinterpretAsFloats();
            sum0 = w.fma(FloatVector.broadcast(F, x[x0 + k + 3]), sum0);
            sum1 = w.fma(FloatVector.broadcast(F, x[x1 + k + 3]), sum1);
            sum2 = w.fma(FloatVector.broadcast(F, x[x2 + k + 3]), sum2);
            sum3 = w.fma(FloatVector.broadcast(F, x[x3 + k + 3]), sum3);
            w = word.lanewise(LSHR, 16).selectFrom(values).reinterpretAsFloats();
            sum0 = w.fma(FloatVector.broadcast(F, x[x0 + k + 4]), sum0);
            sum1 = w.fma(FloatVector.broadcast(F, x[x1 + k + 4]), sum1);
            sum2 = w.fma(FloatVector.broadcast(F, x[x2 + k + 4]), sum2);
            sum3 = w.fma(FloatVector.broadcast(F, x[x3 + k + 4]), sum3);
            w = word.lanewise(LSHR, 20).selectFrom(values).reinterpretAsFloats();
            sum0 = w.fma(FloatVector.broadcast(F, x[x0 + k + 5]), sum0);
            sum1 = w.fma(FloatVector.broadcast(F, x[x1 + k + 5]), sum1);
            sum2 = w.fma(FloatVector.broadcast(F, x[x2 + k + 5]), sum2);
            sum3 = w.fma(FloatVector.broadcast(F, x[x3 + k + 5]), sum3);
            w = word.lanewise(LSHR, 24).selectFrom(values).reinterpretAsFloats();
            sum0 = w.fma(FloatVector.broadcast(F, x[x0 + k + 6]), sum0);
            sum1 = w.fma(FloatVector.broadcast(F, x[x1 + k + 6]), sum1);
            sum2 = w.fma(FloatVector.broadcast(F, x[x2 + k + 6]), sum2);
            sum3 = w.fma(FloatVector.broadcast(F, x[x3 + k + 6]), sum3);
            w = word.lanewise(LSHR, 28).selectFrom(values).reinterpretAsFloats();
            sum0 = w.fma(FloatVector.broadcast(F, x[x0 + k + 7]), sum0);
            sum1 = w.fma(FloatVector.broadcast(F, x[x1 + k + 7]), sum1);
            sum2 = w.fma(FloatVector.broadcast(F, x[x2 + k + 7]), sum2);
            sum3 = w.fma(FloatVector.broadcast(F, x[x3 + k + 7]), sum3);
            if ((k & 24) == 24) {
                FloatVector scale = ((IntVector) ShortVector.fromMemorySegment(S, ALL, unit, LE)
                        .castShape(I, 0)).lanewise(VectorOperators.LSHL, Halves.SHIFT)
                        .and(Halves.FINITE).reinterpretAsFloats().mul(Halves.BIAS);
                total0 = earlier0.add(sum0).fma(scale, total0);
                total1 = earlier1.add(sum1).fma(scale, total1);
                total2 = earlier2.add(sum2).fma(scale, total2);
                total3 = earlier3.add(sum3).fma(scale, total3);
                sum0 = FloatVector.zero(F);
                sum1 = sum0;
                sum2 = sum0;
                sum3 = sum0;
                earlier0 = sum0;
                earlier1 = sum0;
                earlier2 = sum0;
                earlier3 = sum0;
                unit += HALF_BYTES + 4 * L_BYTES;
                codes += HALF_BYTES;
            } else if ((k & 8) == 8) {
                earlier0 = sum0;
                earlier1 = sum1;
                earlier2 = sum2;
                earlier3 = sum3;
                sum0 = FloatVector.zero(F);
                sum1 = sum0;
                sum2 = sum0;
                sum3 = sum0;
            }
        }
        total0.intoMemorySegment(ALL, accumulators, LE);
        total1.intoMemorySegment(ALL, accumulators + bytes, LE);
        total2.intoMemorySegment(ALL, accumulators + 2 * bytes, LE);
        total3.intoMemorySegment(ALL, accumulators + 3 * bytes, LE);
    }

    @Override
    public void addNibblesUnderCodes(RowQuad quad, PackedLayout layout, long block, long table) {
        float[] x = quad.x;
        int x0 = quad.x0;
        int x1 = quad.x1;
        int x2 = quad.x2;
        int x3 = quad.x3;
        long bytes = quad.accumulatorBytes;
        long accumulators = quad.accumulators;
        float[] xSums = quad.xSums;
        boolean minimums = layout.minimums();
        int factorBytes = layout.factorBytes();
        int codesOffset = layout.codesOffset();
        int minCodesOffset = layout.minCodesOffset();
        // The last columns of a group have all of these bits.
        int groupEnd = layout.groupColumns() - 8;
        int group = 0;
        IntVector values = IntVector.fromMemorySegment(I, ALL,
                table + NibbleTable.FLOATS_OFFSET, LE);
        FloatVector total0 = FloatVector.fromMemorySegment(F, ALL, accumulators, LE);
        FloatVector total1 = FloatVector.fromMemorySegment(F, ALL, accumulators + bytes, LE);
        FloatVector total2 = FloatVector.fromMemorySegment(F, ALL, accumulators + 2 * bytes, LE);
        FloatVector total3 = FloatVector.fromMemorySegment(F, ALL, accumulators + 3 * bytes, LE);
        FloatVector minTotal0 = FloatVector.fromMemorySegment(F, ALL, accumulators + L_BYTES, LE);
        FloatVector minTotal1 = FloatVector.fromMemorySegment(F, ALL,
                accumulators + bytes + L_BYTES, LE);
        FloatVector minTotal2 = FloatVector.fromMemorySegment(F, ALL,
                accumulators + 2 * bytes + L_BYTES, LE);
        FloatVector minTotal3 = FloatVector.fromMemorySegment(F, ALL,
                accumulators + 3 * bytes + L_BYTES, LE);
        FloatVector sum0 = FloatVector.zero(F);
        FloatVector sum1 = sum0;
        FloatVector sum2 = sum0;
        FloatVector sum3 = sum0;
        FloatVector earlier0 = sum0;
        FloatVector earlier1 = sum0;
        FloatVector earlier2 = sum0;
        FloatVector earlier3 = sum0;
        long scales = block + factorBytes;
        long codes = scales + codesOffset;
        for (int k = 0; k < layout.columns(); k += 8, codes += L_BYTES) {
            IntVector word = IntVector.fromMemorySegment(I, ALL, codes, LE);
            FloatVector w = word.selectFrom(values).reinterpretAsFloats();
            sum0 = w.fma(FloatVector.broadcast(F, x[x0 + k]), sum0);
            sum1 = w.fma(FloatVector.broadcast(F, x[x1 + k]), sum1);
            sum2 = w.fma(FloatVector.broadcast(F, x[x2 + k]), sum2);
            sum3 = w.fma(FloatVector.broadcast(F, x[x3 + k]), sum3);
            w = word.lanewise(LSHR, 4).selectFrom(values).reinterpretAsFloats();
            sum0 = w.fma(FloatVector.broadcast(F, x[x0 + k + 1]), sum0);
            sum1 = w.fma(FloatVector.broadcast(F, x[x1 + k + 1]), sum1);
            sum2 = w.fma(FloatVector.broadcast(F, x[x2 + k + 1]), sum2);
            sum3 = w.fma(FloatVector.broadcast(F, x[x3 + k + 1]), sum3);
            w = word.lanewise(LSHR, 8).selectFrom(values).reinterpretAsFloats();
            sum0 = w.fma(FloatVector.broadcast(F, x[x0 + k + 2]), sum0);
            sum1 = w.fma(FloatVector.broadcast(F, x[x1 + k + 2]), sum1);
            sum2 = w.fma(FloatVector.broadcast(F, x[x2 + k + 2]), sum2);
            sum3 = w.fma(FloatVector.broadcast(F, x[x3 + k + 2]), sum3);
            w = word.lanewise(LSHR, 12).selectFrom(values).reinterpretAsFloats();
            sum0 = w.fma(FloatVector.broadcast(F, x[x0 + k + 3]), sum0);
            sum1 = w.fma(FloatVector.broadcast(F, x[x1 + k + 3]), sum1);
            sum2 = w.fma(FloatVector.broadcast(F, x[x2 + k + 3]), sum2);
            sum3 = w.fma(FloatVector.broadcast(F, x[x3 + k + 3]), sum3);
            w = word.lanewise(LSHR, 16).selectFrom(values).reinterpretAsFloats();
            sum0 = w.fma(FloatVector.broadcast(F, x[x0 + k + 4]), sum0);
            sum1 = w.fma(FloatVector.broadcast(F, x[x1 + k + 4]), sum1);
            sum2 = w.fma(FloatVector.broadcast(F, x[x2 + k + 4]), sum2);
            sum3 = w.fma(FloatVector.broadcast(F, x[x3 + k + 4]), sum3);
            w = word.lanewise(LSHR, 20).selectFrom(values).reinterpretAsFloats();
            sum0 = w.fma(FloatVector.broadcast(F, x[x0 + k + 5]), sum0);
            sum1 = w.fma(FloatVector.broadcast(F, x[x1 + k + 5]), sum1);
            sum2 = w.fma(FloatVector.broadcast(F, x[x2 + k + 5]), sum2);
            sum3 = w.fma(FloatVector.broadcast(F, x[x3 + k + 5]), sum3);
            w = word.lanewise(LSHR, 24).selectFrom(values).reinterpretAsFloats();
            sum0 = w.fma(FloatVector.broadcast(F, x[x0 + k + 6]), sum0);
            sum1 = w.fma(FloatVector.broadcast(F, x[x1 + k + 6]), sum1);
            sum2 = w.fma(FloatVector.broadcast(F, x[x2 + k + 6]), sum2);
            sum3 = w.fma(FloatVector.broadcast(F, x[x3 + k + 6]), sum3);
            w = word.lanewise(LSHR, 28).selectFrom(values).reinterpretAsFloats();
            sum0 = w.fma(FloatVector.broadcast(F, x[x0 + k + 7]), sum0);
            sum1 = w.fma(FloatVector.broadcast(F, x[x1 + k + 7]), sum1);
            sum2 = w.fma(FloatVector.broadcast(F, x[x2 + k + 7]), sum2);
            sum3 = w.fma(FloatVector.broadcast(F, x[x3 + k + 7]), sum3);
            if ((k & groupEnd) == groupEnd) {
                FloatVector scale = ((FloatVector) ByteVector
                        .fromMemorySegment(B, ALL, scales, LE).castShape(F, 0))
                        .mul(FloatVector.fromMemorySegment(F, ALL, block, LE));
                total0 = earlier0.add(sum0).fma(scale, total0);
                total1 = earlier1.add(sum1).fma(scale, total1);
                total2 = earlier2.add(sum2).fma(scale, total2);
                total3 = earlier3.add(sum3).fma(scale, total3);
                if (minimums) {
                    FloatVector minimum = ((FloatVector) ByteVector
                            .fromMemorySegment(B, ALL, scales + minCodesOffset, LE).castShape(F, 0))
                            .mul(FloatVector.fromMemorySegment(F, ALL, block + L_BYTES, LE));
                    minTotal0 = minimum.fma(
                            FloatVector.broadcast(F, xSums[quad.xSums0 + group]), minTotal0);
                    minTotal1 = minimum.fma(
                            FloatVector.broadcast(F, xSums[quad.xSums1 + group]), minTotal1);
                    minTotal2 = minimum.fma(
                            FloatVector.broadcast(F, xSums[quad.xSums2 + group]), minTotal2);
                    minTotal3 = minimum.fma(
                            FloatVector.broadcast(F, xSums[quad.xSums3 + group]), minTotal3);
                    group++;
                }
                sum0 = FloatVector.zero(F);
                sum1 = sum0;
                sum2 = sum0;
                sum3 = sum0;
                earlier0 = sum0;
                earlier1 = sum0;
                earlier2 = sum0;
                earlier3 = sum0;
                scales += L;
            } else if ((k & 8) == 8) {
                earlier0 = sum0;
                earlier1 = sum1;
                earlier2 = sum2;
                earlier3 = sum3;
                sum0 = FloatVector.zero(F);
                sum1 = sum0;
                sum2 = sum0;
                sum3 = sum0;
            }
            if ((k & 24) == 24) {
                scales = codes + L_BYTES;
                if ((k & 248) == 248) {
                    block = scales;
                    scales += factorBytes;
                    codes += factorBytes;
                }
                codes += codesOffset;
            }
        }
        total0.intoMemorySegment(ALL, accumulators, LE);
        total1.intoMemorySegment(ALL, accumulators + bytes, LE);
        total2.intoMemorySegment(ALL, accumulators + 2 * bytes, LE);
        total3.intoMemorySegment(ALL, accumulators + 3 * bytes, LE);
        minTotal0.intoMemorySegment(ALL, accumulators + L_BYTES, LE);
        minTotal1.intoMemorySegment(ALL, accumulators + bytes + L_BYTES, LE);
        minTotal2.intoMemorySegment(ALL, accumulators + 2 * bytes + L_BYTES, LE);
        minTotal3.intoMemorySegment(ALL, accumulators + 3 * bytes + L_BYTES, LE);
    }

}
