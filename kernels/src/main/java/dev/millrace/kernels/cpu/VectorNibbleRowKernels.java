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
import static dev.millrace.kernels.cpu.TileKernels.CHUNK_COLUMNS;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LSHR;

/**
 * Row kernels for codes of four bits on the Vector API, specialised by {@link VectorWidth}; only a
 * register of sixteen floats holds their whole table. Flat loops, for the reasons that
 * {@link VectorByteRowKernels} gives.
 */
final class VectorNibbleRowKernels implements RowKernels {

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
    private static final int SHORT_BYTES = L * Short.BYTES;
    /** Columns of one word of nibbles, and the bytes of one vector of such words. */
    private static final int WORD_COLUMNS = 8;
    private static final int WORD_BYTES = L * Integer.BYTES;

    @Override
    public boolean reads(PackedLayout layout) {
        return layout.codes() == PackedLayout.Codes.NIBBLES && L == NibbleTable.ENTRIES;
    }

    @Override
    public void multiplyRow(PackedLayout layout, long tile, long table, RowQuad rows) {
        if (layout.scales() == PackedLayout.Scales.CODED) {
            multiplyRowUnderCodes(layout, tile, table, rows);
        } else {
            multiplyRowUnderFloats(layout, tile, table, rows);
        }
    }

    @Override
    public void multiplyFour(PackedLayout layout, long tile, long table, RowQuad rows) {
        if (layout.scales() == PackedLayout.Scales.CODED) {
            multiplyFourUnderCodes(layout, tile, table, rows);
        } else {
            multiplyFourUnderFloats(layout, tile, table, rows);
        }
    }

    private static void multiplyRowUnderFloats(PackedLayout layout, long scales, long table,
            RowQuad rows) {
        float[] x = rows.x;
        int xOffset = rows.x0;
        long accumulators = rows.accumulators;
        float[] xSums = rows.xSums;
        int group = rows.xSums0;
        boolean minimums = layout.minimums();
        boolean twoGroups = layout.unitGroups() == 2;
        int codesOffset = layout.codesOffset();
        int minimumsOffset = layout.minimumsOffset();
        int shift = layout.scaleShift();
        int mask = layout.scaleMask();
        float factor = layout.scaleFactor();
        IntVector values = IntVector.fromMemorySegment(I, ALL,
                table + NibbleTable.FLOATS_OFFSET, LE);
        FloatVector total = FloatVector.zero(F);
        FloatVector minTotal = total;
        // Two chunks side by side: one alone would wait for its own additions.
        FloatVector sum = FloatVector.zero(F);
        FloatVector laterSum = sum;
        long codes = scales + codesOffset;
        for (int half = 0; half < layout.columns() / CHUNK_COLUMNS; half++, codes += WORD_BYTES) {
            int k = half / 2 * UNIT_COLUMNS + half % 2 * WORD_COLUMNS;
            IntVector word = IntVector.fromMemorySegment(I, ALL, codes, LE);
            IntVector later = IntVector.fromMemorySegment(I, ALL, codes + 2 * WORD_BYTES, LE);
            sum = word.selectFrom(values).reinterpretAsFloats()
                    .fma(FloatVector.broadcast(F, x[xOffset + k]), sum);
            laterSum = later.selectFrom(values).reinterpretAsFloats()
                    .fma(FloatVector.broadcast(F, x[xOffset + k + 16]), laterSum);
            sum = word.lanewise(LSHR, 4).selectFrom(values).reinterpretAsFloats()
                    .fma(FloatVector.broadcast(F, x[xOffset + k + 1]), sum);
            laterSum = later.lanewise(LSHR, 4).selectFrom(values).reinterpretAsFloats()
                    .fma(FloatVector.broadcast(F, x[xOffset + k + 17]), laterSum);
            sum = word.lanewise(LSHR, 8).selectFrom(values).reinterpretAsFloats()
                    .fma(FloatVector.broadcast(F, x[xOffset + k + 2]), sum);
            laterSum = later.lanewise(LSHR, 8).selectFrom(values).reinterpretAsFloats()
                    .fma(FloatVector.broadcast(F, x[xOffset + k + 18]), laterSum);
            sum = word.lanewise(LSHR, 12).selectFrom(values).reinterpretAsFloats()
                    .fma(FloatVector.broadcast(F, x[xOffset + k + 3]), sum);
            laterSum = later.lanewise(LSHR, 12).selectFrom(values).reinterpretAsFloats()
                    .fma(FloatVector.broadcast(F, x[xOffset + k + 19]), laterSum);
            sum = word.lanewise(LSHR, 16).selectFrom(values).reinterpretAsFloats()
                    .fma(FloatVector.broadcast(F, x[xOffset + k + 4]), sum);
            laterSum = later.lanewise(LSHR, 16).selectFrom(values).reinterpretAsFloats()
                    .fma(FloatVector.broadcast(F, x[xOffset + k + 20]), laterSum);
            sum = word.lanewise(LSHR, 20).selectFrom(values).reinterpretAsFloats()
                    .fma(FloatVector.broadcast(F, x[xOffset + k + 5]), sum);
            laterSum = later.lanewise(LSHR, 20).selectFrom(values).reinterpretAsFloats()
                    .fma(FloatVector.broadcast(F, x[xOffset + k + 21]), laterSum);
            sum = word.lanewise(LSHR, 24).selectFrom(values).reinterpretAsFloats()
                    .fma(FloatVector.broadcast(F, x[xOffset + k + 6]), sum);
            laterSum = later.lanewise(LSHR, 24).selectFrom(values).reinterpretAsFloats()
                    .fma(FloatVector.broadcast(F, x[xOffset + k + 22]), laterSum);
            sum = word.lanewise(LSHR, 28).selectFrom(values).reinterpretAsFloats()
                    .fma(FloatVector.broadcast(F, x[xOffset + k + 7]), sum);
            laterSum = later.lanewise(LSHR, 28).selectFrom(values).reinterpretAsFloats()
                    .fma(FloatVector.broadcast(F, x[xOffset + k + 23]), laterSum);
            if ((half & 1) == 1) {
                if (twoGroups) {
                    FloatVector scale = ((IntVector) ShortVector
                            .fromMemorySegment(S, ALL, scales, LE).castShape(I, 0))
                            .lanewise(LSHL, shift).and(mask).reinterpretAsFloats().mul(factor);
                    total = sum.fma(scale, total);
                    sum = FloatVector.zero(F);
                    scales += SHORT_BYTES;
                }
                FloatVector scale = ((IntVector) ShortVector.fromMemorySegment(S, ALL, scales, LE)
                        .castShape(I, 0)).lanewise(LSHL, shift).and(mask).reinterpretAsFloats()
                        .mul(factor);
                total = sum.add(laterSum).fma(scale, total);
                if (minimums) {
                    FloatVector minimum = ((IntVector) ShortVector
                            .fromMemorySegment(S, ALL, scales + minimumsOffset, LE)
                            .castShape(I, 0)).lanewise(LSHL, shift).and(mask)
                            .reinterpretAsFloats().mul(factor);
                    minTotal = minimum.fma(FloatVector.broadcast(F, xSums[group]), minTotal);
                    group++;
                }
                sum = FloatVector.zero(F);
                laterSum = sum;
                codes += 2 * WORD_BYTES;
                scales = codes + WORD_BYTES;
                codes += codesOffset;
            }
        }
        total.intoMemorySegment(ALL, accumulators, LE);
        if (minimums) {
            minTotal.intoMemorySegment(ALL, accumulators + L_BYTES, LE);
        }
    }

    private static void multiplyRowUnderCodes(PackedLayout layout, long block, long table,
            RowQuad rows) {
        float[] x = rows.x;
        int xOffset = rows.x0;
        float[] xSums = rows.xSums;
        boolean minimums = layout.minimums();
        // The last half unit of a block has all of these bits.
        int blockEnd = layout.blockColumns() / CHUNK_COLUMNS - 1;
        boolean twoGroups = layout.unitGroups() == 2;
        int factorBytes = layout.factorBytes();
        int codesOffset = layout.codesOffset();
        int minimumsOffset = layout.minimumsOffset();
        int group = rows.xSums0;
        IntVector values = IntVector.fromMemorySegment(I, ALL,
                table + NibbleTable.FLOATS_OFFSET, LE);
        FloatVector total = FloatVector.zero(F);
        FloatVector minTotal = FloatVector.zero(F);
        FloatVector sum = FloatVector.zero(F);
        FloatVector laterSum = sum;
        long scales = block + factorBytes;
        long codes = scales + codesOffset;
        for (int half = 0; half < layout.columns() / CHUNK_COLUMNS; half++, codes += WORD_BYTES) {
            int k = half / 2 * UNIT_COLUMNS + half % 2 * WORD_COLUMNS;
            IntVector word = IntVector.fromMemorySegment(I, ALL, codes, LE);
            IntVector later = IntVector.fromMemorySegment(I, ALL, codes + 2 * WORD_BYTES, LE);
            sum = word.selectFrom(values).reinterpretAsFloats()
                    .fma(FloatVector.broadcast(F, x[xOffset + k]), sum);
            laterSum = later.selectFrom(values).reinterpretAsFloats()
                    .fma(FloatVector.broadcast(F, x[xOffset + k + 16]), laterSum);
            sum = word.lanewise(LSHR, 4).selectFrom(values).reinterpretAsFloats()
                    .fma(FloatVector.broadcast(F, x[xOffset + k + 1]), sum);
            laterSum = later.lanewise(LSHR, 4).selectFrom(values).reinterpretAsFloats()
                    .fma(FloatVector.broadcast(F, x[xOffset + k + 17]), laterSum);
            sum = word.lanewise(LSHR, 8).selectFrom(values).reinterpretAsFloats()
                    .fma(FloatVector.broadcast(F, x[xOffset + k + 2]), sum);
            laterSum = later.lanewise(LSHR, 8).selectFrom(values).reinterpretAsFloats()
                    .fma(FloatVector.broadcast(F, x[xOffset + k + 18]), laterSum);
            sum = word.lanewise(LSHR, 12).selectFrom(values).reinterpretAsFloats()
                    .fma(FloatVector.broadcast(F, x[xOffset + k + 3]), sum);
            laterSum = later.lanewise(LSHR, 12).selectFrom(values).reinterpretAsFloats()
                    .fma(FloatVector.broadcast(F, x[xOffset + k + 19]), laterSum);
            sum = word.lanewise(LSHR, 16).selectFrom(values).reinterpretAsFloats()
                    .fma(FloatVector.broadcast(F, x[xOffset + k + 4]), sum);
            laterSum = later.lanewise(LSHR, 16).selectFrom(values).reinterpretAsFloats()
                    .fma(FloatVector.broadcast(F, x[xOffset + k + 20]), laterSum);
            sum = word.lanewise(LSHR, 20).selectFrom(values).reinterpretAsFloats()
                    .fma(FloatVector.broadcast(F, x[xOffset + k + 5]), sum);
            laterSum = later.lanewise(LSHR, 20).selectFrom(values).reinterpretAsFloats()
                    .fma(FloatVector.broadcast(F, x[xOffset + k + 21]), laterSum);
            sum = word.lanewise(LSHR, 24).selectFrom(values).reinterpretAsFloats()
                    .fma(FloatVector.broadcast(F, x[xOffset + k + 6]), sum);
            laterSum = later.lanewise(LSHR, 24).selectFrom(values).reinterpretAsFloats()
                    .fma(FloatVector.broadcast(F, x[xOffset + k + 22]), laterSum);
            sum = word.lanewise(LSHR, 28).selectFrom(values).reinterpretAsFloats()
                    .fma(FloatVector.broadcast(F, x[xOffset + k + 7]), sum);
            laterSum = later.lanewise(LSHR, 28).selectFrom(values).reinterpretAsFloats()
                    .fma(FloatVector.broadcast(F, x[xOffset + k + 23]), laterSum);
            if ((half & 1) == 1) {
                if (twoGroups) {
                    FloatVector scale = ((FloatVector) ByteVector
                            .fromMemorySegment(B, ALL, scales, LE).castShape(F, 0))
                            .mul(FloatVector.fromMemorySegment(F, ALL, block, LE));
                    total = sum.fma(scale, total);
                    sum = FloatVector.zero(F);
                    if (minimums) {
                        FloatVector minimum = ((FloatVector) ByteVector
                                .fromMemorySegment(B, ALL, scales + minimumsOffset, LE)
                                .castShape(F, 0))
                                .mul(FloatVector.fromMemorySegment(F, ALL, block + L_BYTES, LE));
                        minTotal = minimum.fma(FloatVector.broadcast(F, xSums[group]), minTotal);
                        group++;
                    }
                    scales += L;
                }
                FloatVector scale = ((FloatVector) ByteVector
                        .fromMemorySegment(B, ALL, scales, LE).castShape(F, 0))
                        .mul(FloatVector.fromMemorySegment(F, ALL, block, LE));
                total = sum.add(laterSum).fma(scale, total);
                if (minimums) {
                    FloatVector minimum = ((FloatVector) ByteVector
                            .fromMemorySegment(B, ALL, scales + minimumsOffset, LE).castShape(F, 0))
                            .mul(FloatVector.fromMemorySegment(F, ALL, block + L_BYTES, LE));
                    minTotal = minimum.fma(FloatVector.broadcast(F, xSums[group]), minTotal);
                    group++;
                }
                sum = FloatVector.zero(F);
                laterSum = sum;
                codes += 2 * WORD_BYTES;
                scales = codes + WORD_BYTES;
                if ((half & blockEnd) == blockEnd) {
                    block = scales;
                    scales += factorBytes;
                    codes += factorBytes;
                }
                codes += codesOffset;
            }
        }
        total.intoMemorySegment(ALL, rows.accumulators, LE);
        minTotal.intoMemorySegment(ALL, rows.accumulators + L_BYTES, LE);
    }

    private static void multiplyFourUnderFloats(PackedLayout layout, long scales, long table,
            RowQuad rows) {
        float[] x = rows.x;
        int x0 = rows.x0;
        int x1 = rows.x1;
        int x2 = rows.x2;
        int x3 = rows.x3;
        long bytes = rows.accumulatorBytes;
        long accumulators = rows.accumulators;
        int codesOffset = layout.codesOffset();
        int shift = layout.scaleShift();
        int mask = layout.scaleMask();
        float factor = layout.scaleFactor();
        // The last four columns of a group have all of these bits.
        int groupEnd = layout.groupColumns() - 4;
        IntVector values = IntVector.fromMemorySegment(I, ALL,
                table + NibbleTable.FLOATS_OFFSET, LE);
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
        long codes = scales + codesOffset;
        for (int k = 0; k < layout.columns(); k += 4) {
            IntVector word = IntVector.fromMemorySegment(I, ALL,
                    codes + (k >> 3 & 3) * (long) WORD_BYTES, LE).lanewise(LSHR, (k & 4) << 2);
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
            if ((k & groupEnd) == groupEnd) {
                FloatVector scale = ((IntVector) ShortVector.fromMemorySegment(S, ALL, scales, LE)
                        .castShape(I, 0)).lanewise(LSHL, shift).and(mask).reinterpretAsFloats()
                        .mul(factor);
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
                scales += SHORT_BYTES;
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
                scales = codes + 4 * WORD_BYTES;
                codes = scales + codesOffset;
            }
        }
        total0.intoMemorySegment(ALL, accumulators, LE);
        total1.intoMemorySegment(ALL, accumulators + bytes, LE);
        total2.intoMemorySegment(ALL, accumulators + 2 * bytes, LE);
        total3.intoMemorySegment(ALL, accumulators + 3 * bytes, LE);
    }

    private static void multiplyFourUnderCodes(PackedLayout layout, long block, long table,
            RowQuad rows) {
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
        IntVector values = IntVector.fromMemorySegment(I, ALL,
                table + NibbleTable.FLOATS_OFFSET, LE);
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
        for (int k = 0; k < layout.columns(); k += 4) {
            IntVector word = IntVector.fromMemorySegment(I, ALL,
                    codes + (k >> 3 & 3) * (long) WORD_BYTES, LE).lanewise(LSHR, (k & 4) << 2);
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
                codes += 4 * WORD_BYTES;
                scales = codes;
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
