package dev.millrace.kernels.cpu;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.nio.ByteOrder;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

import static dev.millrace.kernels.cpu.PackedLayout.UNIT_COLUMNS;
import static jdk.incubator.vector.VectorOperators.LSHL;

/**
 * Row kernels for codes of a byte on the Vector API, specialised by {@link VectorWidth}.
 *
 * <p>Each is one flat loop in which the end of a group is a branch: nested loops, and loops that
 * leave the stream to fetch scales, read memory at half the speed. What they have in common stands
 * in each: a method of our own that the compiler does not inline would box every vector.
 */
final class VectorByteRowKernels implements RowKernels {

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

    @Override
    public boolean reads(PackedLayout layout) {
        boolean scales = layout.scales() == PackedLayout.Scales.CODED
                || layout.scales() == PackedLayout.Scales.HALVES && layout.unitGroups() == 1;
        return layout.codes() == PackedLayout.Codes.BYTES && scales && B.length() == L;
    }

    @Override
    public void multiplyRow(PackedLayout layout, long tile, long table, RowQuad rows) {
        if (layout.scales() == PackedLayout.Scales.HALVES) {
            multiplyRowUnderHalves(layout, tile, rows);
        } else {
            multiplyRowUnderCodes(layout, tile, rows);
        }
    }

    @Override
    public void multiplyFour(PackedLayout layout, long tile, long table, RowQuad rows) {
        if (layout.scales() == PackedLayout.Scales.HALVES) {
            multiplyFourUnderHalves(layout, tile, rows);
        } else {
            multiplyFourUnderCodes(layout, tile, rows);
        }
    }

    private static void multiplyRowUnderHalves(PackedLayout layout, long unit, RowQuad rows) {
        float[] x = rows.x;
        int xOffset = rows.x0;
        long accumulators = rows.accumulators;
        float[] xSums = rows.xSums;
        int group = rows.xSums0;
        boolean minimums = layout.minimums();
        int codesOffset = layout.codesOffset();
        FloatVector total = FloatVector.zero(F);
        FloatVector minTotal = total;
        FloatVector earlier = FloatVector.zero(F);
        FloatVector sum = earlier;
        long codes = unit + codesOffset;
        for (int k = 0; k < layout.columns(); k += 8, codes += 8 * L) {
            sum = ((FloatVector) ByteVector.fromMemorySegment(B, ALL, codes, LE)
                    .castShape(F, 0)).fma(FloatVector.broadcast(F, x[xOffset + k]), sum);
            sum = ((FloatVector) ByteVector.fromMemorySegment(B, ALL, codes + L, LE)
                    .castShape(F, 0)).fma(FloatVector.broadcast(F, x[xOffset + k + 1]), sum);
            sum = ((FloatVector) ByteVector.fromMemorySegment(B, ALL, codes + 2 * L, LE)
                    .castShape(F, 0)).fma(FloatVector.broadcast(F, x[xOffset + k + 2]), sum);
            sum = ((FloatVector) ByteVector.fromMemorySegment(B, ALL, codes + 3 * L, LE)
                    .castShape(F, 0)).fma(FloatVector.broadcast(F, x[xOffset + k + 3]), sum);
            sum = ((FloatVector) ByteVector.fromMemorySegment(B, ALL, codes + 4 * L, LE)
                    .castShape(F, 0)).fma(FloatVector.broadcast(F, x[xOffset + k + 4]), sum);
            sum = ((FloatVector) ByteVector.fromMemorySegment(B, ALL, codes + 5 * L, LE)
                    .castShape(F, 0)).fma(FloatVector.broadcast(F, x[xOffset + k + 5]), sum);
            sum = ((FloatVector) ByteVector.fromMemorySegment(B, ALL, codes + 6 * L, LE)
                    .castShape(F, 0)).fma(FloatVector.broadcast(F, x[xOffset + k + 6]), sum);
            sum = ((FloatVector) ByteVector.fromMemorySegment(B, ALL, codes + 7 * L, LE)
                    .castShape(F, 0)).fma(FloatVector.broadcast(F, x[xOffset + k + 7]), sum);
            if ((k & 24) == 24) {
                FloatVector scale = ((IntVector) ShortVector.fromMemorySegment(S, ALL, unit, LE)
                        .castShape(I, 0)).lanewise(LSHL, Halves.SHIFT)
                        .and(Halves.FINITE).reinterpretAsFloats().mul(Halves.BIAS);
                total = earlier.add(sum).fma(scale, total);
                if (minimums) {
                    FloatVector minimum = ((IntVector) ShortVector
                            .fromMemorySegment(S, ALL, unit + HALF_BYTES, LE).castShape(I, 0))
                            .lanewise(LSHL, Halves.SHIFT).and(Halves.FINITE).reinterpretAsFloats()
                            .mul(Halves.BIAS);
                    minTotal = minimum.fma(FloatVector.broadcast(F, xSums[group]), minTotal);
                    group++;
                }
                earlier = FloatVector.zero(F);
                sum = earlier;
                unit += codesOffset + UNIT_COLUMNS * L;
                codes += codesOffset;
            } else if ((k & 8) == 8) {
                earlier = sum;
                sum = FloatVector.zero(F);
            }
        }
        total.intoMemorySegment(ALL, accumulators, LE);
        if (minimums) {
            minTotal.intoMemorySegment(ALL, accumulators + L_BYTES, LE);
        }
    }

    private static void multiplyRowUnderCodes(PackedLayout layout, long block, RowQuad rows) {
        float[] x = rows.x;
        int xOffset = rows.x0;
        long accumulators = rows.accumulators;
        float[] xSums = rows.xSums;
        int xSumsOffset = rows.xSums0;
        boolean minimums = layout.minimums();
        int factorBytes = layout.factorBytes();
        int codesOffset = layout.codesOffset();
        int minimumsOffset = layout.minimumsOffset();
        // The last eight columns of a group, and of a block, have all of these bits.
        int blockEnd = layout.blockColumns() - 8;
        int groupEnd = layout.groupColumns() - 8;
        int group = xSumsOffset;
        FloatVector total = FloatVector.zero(F);
        FloatVector minTotal = FloatVector.zero(F);
        FloatVector earlier = FloatVector.zero(F);
        FloatVector sum = earlier;
        long scales = block + factorBytes;
        long codes = scales + codesOffset;
        for (int k = 0; k < layout.columns(); k += 8, codes += 8 * L) {
            sum = ((FloatVector) ByteVector.fromMemorySegment(B, ALL, codes, LE)
                    .castShape(F, 0)).fma(FloatVector.broadcast(F, x[xOffset + k]), sum);
            sum = ((FloatVector) ByteVector.fromMemorySegment(B, ALL, codes + L, LE)
                    .castShape(F, 0)).fma(FloatVector.broadcast(F, x[xOffset + k + 1]), sum);
            sum = ((FloatVector) ByteVector.fromMemorySegment(B, ALL, codes + 2 * L, LE)
                    .castShape(F, 0)).fma(FloatVector.broadcast(F, x[xOffset + k + 2]), sum);
            sum = ((FloatVector) ByteVector.fromMemorySegment(B, ALL, codes + 3 * L, LE)
                    .castShape(F, 0)).fma(FloatVector.broadcast(F, x[xOffset + k + 3]), sum);
            sum = ((FloatVector) ByteVector.fromMemorySegment(B, ALL, codes + 4 * L, LE)
                    .castShape(F, 0)).fma(FloatVector.broadcast(F, x[xOffset + k + 4]), sum);
            sum = ((FloatVector) ByteVector.fromMemorySegment(B, ALL, codes + 5 * L, LE)
                    .castShape(F, 0)).fma(FloatVector.broadcast(F, x[xOffset + k + 5]), sum);
            sum = ((FloatVector) ByteVector.fromMemorySegment(B, ALL, codes + 6 * L, LE)
                    .castShape(F, 0)).fma(FloatVector.broadcast(F, x[xOffset + k + 6]), sum);
            sum = ((FloatVector) ByteVector.fromMemorySegment(B, ALL, codes + 7 * L, LE)
                    .castShape(F, 0)).fma(FloatVector.broadcast(F, x[xOffset + k + 7]), sum);
            if ((k & groupEnd) == groupEnd) {
                FloatVector scale = ((FloatVector) ByteVector
                        .fromMemorySegment(B, ALL, scales, LE).castShape(F, 0))
                        .mul(FloatVector.fromMemorySegment(F, ALL, block, LE));
                total = earlier.add(sum).fma(scale, total);
                if (minimums) {
                    FloatVector minimum = ((FloatVector) ByteVector
                            .fromMemorySegment(B, ALL, scales + minimumsOffset, LE).castShape(F, 0))
                            .mul(FloatVector.fromMemorySegment(F, ALL, block + L_BYTES, LE));
                    minTotal = minimum.fma(FloatVector.broadcast(F, xSums[group]), minTotal);
                    group++;
                }
                earlier = FloatVector.zero(F);
                sum = earlier;
                scales += L;
            } else if ((k & 8) == 8) {
                earlier = sum;
                sum = FloatVector.zero(F);
            }
            if ((k & 24) == 24) {
                scales = codes + 8 * L;
                if ((k & blockEnd) == blockEnd) {
                    block = scales;
                    scales += factorBytes;
                    codes += factorBytes;
                }
                codes += codesOffset;
            }
        }
        total.intoMemorySegment(ALL, accumulators, LE);
        minTotal.intoMemorySegment(ALL, accumulators + L_BYTES, LE);
    }

    private static void multiplyFourUnderHalves(PackedLayout layout, long unit, RowQuad rows) {
        float[] x = rows.x;
        int x0 = rows.x0;
        int x1 = rows.x1;
        int x2 = rows.x2;
        int x3 = rows.x3;
        long bytes = rows.accumulatorBytes;
        long accumulators = rows.accumulators;
        int codesOffset = layout.codesOffset();
        FloatVector total0 = FloatVector.zero(F);
        FloatVector total1 = FloatVector.zero(F);
        FloatVector total2 = FloatVector.zero(F);
        FloatVector total3 = FloatVector.zero(F);
        FloatVector sum0 = FloatVector.zero(F);
        FloatVector sum1 = sum0;
        FloatVector sum2 = sum0;
        FloatVector sum3 = sum0;
        FloatVector earlier0 = sum0;
        FloatVector earlier1 = sum0;
        FloatVector earlier2 = sum0;
        FloatVector earlier3 = sum0;
        long codes = unit + codesOffset;
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
            if ((k & 28) == 28) {
                FloatVector scale = ((IntVector) ShortVector.fromMemorySegment(S, ALL, unit, LE)
                        .castShape(I, 0)).lanewise(LSHL, Halves.SHIFT)
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
                unit += codesOffset + UNIT_COLUMNS * L;
                codes += codesOffset;
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

    private static void multiplyFourUnderCodes(PackedLayout layout, long block, RowQuad rows) {
        float[] x = rows.x;
        int x0 = rows.x0;
        int x1 = rows.x1;
        int x2 = rows.x2;
        int x3 = rows.x3;
        long bytes = rows.accumulatorBytes;
        long accumulators = rows.accumulators;
        int factorBytes = layout.factorBytes();
        int codesOffset = layout.codesOffset();
        // The last four columns of a group, and of a block, have all of these bits.
        int blockEnd = layout.blockColumns() - 4;
        int groupEnd = layout.groupColumns() - 4;
        FloatVector total0 = FloatVector.zero(F);
        FloatVector total1 = FloatVector.zero(F);
        FloatVector total2 = FloatVector.zero(F);
        FloatVector total3 = FloatVector.zero(F);
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
                if ((k & blockEnd) == blockEnd) {
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
    }
}
