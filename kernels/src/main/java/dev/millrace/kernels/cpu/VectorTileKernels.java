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

/**
 * Tile kernels on the Vector API, specialised by {@link VectorWidth}.
 *
 * <p>Bodies are small on purpose, a few dozen vector operations in one loop: the compiler gives up
 * on larger ones and leaves them a hundred times slower for good.
 */
final class VectorTileKernels implements TileKernels {

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
    /** Pairs of nibbles; the table of their values fills the same register. */
    private static final VectorSpecies<Byte> PAIRS = ByteVector.SPECIES_128;
    private static final int L_BYTES = L * Float.BYTES;
    private static final int UNIT_CODES = PackedLayout.UNIT_COLUMNS * L;
    private static final MemorySegment ALL = RawMemory.ALL;
    private static final ByteOrder LE = ByteOrder.LITTLE_ENDIAN;

    @Override
    public void expandHalves(long codes, int count, long panel) {
        for (int i = 0; i < count; i += L) {
            IntVector bits = ((IntVector) ShortVector.fromMemorySegment(S, ALL, codes + i * 2L, LE)
                    .castShape(I, 0)).lanewise(VectorOperators.LSHL, Halves.SHIFT);
            IntVector magnitude = bits.and(Halves.MAGNITUDE);
            IntVector value = magnitude.reinterpretAsFloats().mul(Halves.BIAS).reinterpretAsInts();
            IntVector special = value.or(Halves.FLOAT_INFINITY);
            value = value.blend(special,
                    magnitude.compare(VectorOperators.GE, Halves.INFINITY));
            value.or(bits.and(Halves.SIGN)).reinterpretAsFloats()
                    .intoMemorySegment(ALL, panel + i * 4L, LE);
        }
    }

    @Override
    public void expandBrainFloats(long codes, int count, long panel) {
        for (int i = 0; i < count; i += L) {
            ((IntVector) ShortVector.fromMemorySegment(S, ALL, codes + i * 2L, LE).castShape(I, 0))
                    .lanewise(VectorOperators.LSHL, PackedLayout.BRAIN_SHIFT)
                    .intoMemorySegment(ALL, panel + i * 4L, LE);
        }
    }

    @Override
    public void expandBytes(long codes, int units, long unitBytes, long panel) {
        for (int u = 0; u < units; u++, codes += unitBytes, panel += 4L * UNIT_CODES) {
            for (int i = 0; i < UNIT_CODES; i += B.length()) {
                ByteVector bytes = ByteVector.fromMemorySegment(B, ALL, codes + i, LE);
                long address = panel + i * 4L;
                ((FloatVector) bytes.castShape(F, 0)).intoMemorySegment(ALL, address, LE);
                if (B.length() > L) {
                    ((FloatVector) bytes.castShape(F, 1)).intoMemorySegment(ALL,
                            address + L_BYTES, LE);
                }
            }
        }
    }

    @Override
    public void expandNibbles(long codes, int units, long unitBytes, long table, long panel) {
        if (L == NibbleTable.ENTRIES) {
            for (int u = 0; u < units; u++, codes += unitBytes, panel += 4L * UNIT_CODES) {
                expandWords(codes, table, panel);
            }
        } else {
            // The bytes lie where the last quarter of the floats will be: each is read before
            // the floats get there.
            long bytes = panel + 3L * UNIT_CODES * units;
            for (int u = 0; u < units; u++, codes += unitBytes) {
                lookUpPairs(codes, table, bytes + (long) u * UNIT_CODES);
            }
            expandBytes(bytes, units, UNIT_CODES, panel);
        }
    }

    /** One register holds the whole table: a word of eight columns becomes eight vectors. */
    private static void expandWords(long codes, long table, long panel) {
        IntVector values = IntVector.fromMemorySegment(I, ALL,
                table + NibbleTable.FLOATS_OFFSET, LE);
        for (int i = 0; i < UNIT_CODES; i += 8 * L) {
            IntVector word = IntVector.fromMemorySegment(I, ALL, codes + i / 2, LE);
            long address = panel + i * 4L;
            for (int shift = 0; shift < Integer.SIZE; shift += 4) {
                word.lanewise(VectorOperators.LSHR, shift).selectFrom(values)
                        .intoMemorySegment(ALL, address, LE);
                address += L_BYTES;
            }
        }
    }

    private static void lookUpPairs(long codes, long table, long bytes) {
        ByteVector values = ByteVector.fromMemorySegment(PAIRS, ALL, table, LE);
        for (int i = 0; i < UNIT_CODES; i += 32) {
            ByteVector pairs = ByteVector.fromMemorySegment(PAIRS, ALL, codes + i / 2, LE);
            pairs.and((byte) 0xF).selectFrom(values).intoMemorySegment(ALL, bytes + i, LE);
            pairs.reinterpretAsInts().lanewise(VectorOperators.LSHR, 4).reinterpretAsBytes()
                    .and((byte) 0xF).selectFrom(values)
                    .intoMemorySegment(ALL, bytes + i + 16, LE);
        }
    }

    @Override
    public void expandHalfScales(long halves, int units, int unitGroups, long unitBytes,
            long scales) {
        long scaleBytes = (long) unitGroups * L_BYTES;
        for (int u = 0; u < units; u++, halves += unitBytes, scales += scaleBytes) {
            expandHalves(halves, unitGroups * L, scales);
        }
    }

    @Override
    public void expandBrainScales(long brainFloats, int units, int unitGroups, long unitBytes,
            long scales) {
        long scaleBytes = (long) unitGroups * L_BYTES;
        for (int u = 0; u < units; u++, brainFloats += unitBytes, scales += scaleBytes) {
            expandBrainFloats(brainFloats, unitGroups * L, scales);
        }
    }

    @Override
    public void expandCodedScales(long factors, long codes, int units, int unitGroups,
            long unitBytes, long scales) {
        FloatVector factor = FloatVector.fromMemorySegment(F, ALL, factors, LE);
        for (int g = 0; g < units * unitGroups; g++, scales += L_BYTES) {
            long address = unitGroups == 1
                    ? codes + g * unitBytes
                    : codes + (g >> 1) * unitBytes + (g & 1) * L;
            ((FloatVector) ByteVector.fromMemorySegment(B, ALL, address, LE).castShape(F, 0))
                    .mul(factor).intoMemorySegment(ALL, scales, LE);
        }
    }

    @Override
    public void sums(long panel, int columns, float[] x, int xOffset, long sums) {
        FloatVector sum = FloatVector.zero(F);
        int whole = columns / CHUNK_COLUMNS * CHUNK_COLUMNS;
        long w = panel;
        for (int k = 0; k < whole; k += 4, w += 4 * L_BYTES) {
            sum = FloatVector.fromMemorySegment(F, ALL, w, LE)
                    .fma(FloatVector.broadcast(F, x[xOffset + k]), sum);
            sum = FloatVector.fromMemorySegment(F, ALL, w + L_BYTES, LE)
                    .fma(FloatVector.broadcast(F, x[xOffset + k + 1]), sum);
            sum = FloatVector.fromMemorySegment(F, ALL, w + 2 * L_BYTES, LE)
                    .fma(FloatVector.broadcast(F, x[xOffset + k + 2]), sum);
            sum = FloatVector.fromMemorySegment(F, ALL, w + 3 * L_BYTES, LE)
                    .fma(FloatVector.broadcast(F, x[xOffset + k + 3]), sum);
            if ((k & 12) == 12) {
                sum.intoMemorySegment(ALL, sums, LE);
                sums += L_BYTES;
                sum = FloatVector.zero(F);
            }
        }
        if (whole < columns) {
            sumTail(w, columns - whole, x, xOffset + whole, sums);
        }
    }

    /** The last chunk of a panel whose columns are no multiple of a chunk. */
    private static void sumTail(long panel, int columns, float[] x, int xOffset, long sums) {
        FloatVector sum = FloatVector.zero(F);
        for (int k = 0; k < columns; k++) {
            sum = FloatVector.fromMemorySegment(F, ALL, panel + (long) k * L_BYTES, LE)
                    .fma(FloatVector.broadcast(F, x[xOffset + k]), sum);
        }
        sum.intoMemorySegment(ALL, sums, LE);
    }

    @Override
    public void sumsOfBlock(long panel, long panelBytes, int columns, float[] x, int xOffset,
            int xStride, long sums, long sumsBytes) {
        int x1 = xOffset + xStride;
        int x2 = x1 + xStride;
        int x3 = x2 + xStride;
        int x4 = x3 + xStride;
        int x5 = x4 + xStride;
        int x6 = x5 + xStride;
        int x7 = x6 + xStride;
        long secondSums = sums + BLOCK_ROWS * sumsBytes;
        FloatVector a0 = FloatVector.zero(F);
        FloatVector a1 = a0;
        FloatVector a2 = a0;
        FloatVector a3 = a0;
        FloatVector a4 = a0;
        FloatVector a5 = a0;
        FloatVector a6 = a0;
        FloatVector a7 = a0;
        FloatVector b0 = a0;
        FloatVector b1 = a0;
        FloatVector b2 = a0;
        FloatVector b3 = a0;
        FloatVector b4 = a0;
        FloatVector b5 = a0;
        FloatVector b6 = a0;
        FloatVector b7 = a0;
        for (int k = 0; k < columns; k++, panel += L_BYTES) {
            FloatVector a = FloatVector.fromMemorySegment(F, ALL, panel, LE);
            FloatVector b = FloatVector.fromMemorySegment(F, ALL, panel + panelBytes, LE);
            FloatVector v = FloatVector.broadcast(F, x[xOffset + k]);
            a0 = a.fma(v, a0);
            b0 = b.fma(v, b0);
            v = FloatVector.broadcast(F, x[x1 + k]);
            a1 = a.fma(v, a1);
            b1 = b.fma(v, b1);
            v = FloatVector.broadcast(F, x[x2 + k]);
            a2 = a.fma(v, a2);
            b2 = b.fma(v, b2);
            v = FloatVector.broadcast(F, x[x3 + k]);
            a3 = a.fma(v, a3);
            b3 = b.fma(v, b3);
            v = FloatVector.broadcast(F, x[x4 + k]);
            a4 = a.fma(v, a4);
            b4 = b.fma(v, b4);
            v = FloatVector.broadcast(F, x[x5 + k]);
            a5 = a.fma(v, a5);
            b5 = b.fma(v, b5);
            v = FloatVector.broadcast(F, x[x6 + k]);
            a6 = a.fma(v, a6);
            b6 = b.fma(v, b6);
            v = FloatVector.broadcast(F, x[x7 + k]);
            a7 = a.fma(v, a7);
            b7 = b.fma(v, b7);
            if ((k & CHUNK_COLUMNS - 1) == CHUNK_COLUMNS - 1 || k == columns - 1) {
                a0.intoMemorySegment(ALL, sums, LE);
                a1.intoMemorySegment(ALL, sums + sumsBytes, LE);
                a2.intoMemorySegment(ALL, sums + 2 * sumsBytes, LE);
                a3.intoMemorySegment(ALL, sums + 3 * sumsBytes, LE);
                a4.intoMemorySegment(ALL, sums + 4 * sumsBytes, LE);
                a5.intoMemorySegment(ALL, sums + 5 * sumsBytes, LE);
                a6.intoMemorySegment(ALL, sums + 6 * sumsBytes, LE);
                a7.intoMemorySegment(ALL, sums + 7 * sumsBytes, LE);
                b0.intoMemorySegment(ALL, secondSums, LE);
                b1.intoMemorySegment(ALL, secondSums + sumsBytes, LE);
                b2.intoMemorySegment(ALL, secondSums + 2 * sumsBytes, LE);
                b3.intoMemorySegment(ALL, secondSums + 3 * sumsBytes, LE);
                b4.intoMemorySegment(ALL, secondSums + 4 * sumsBytes, LE);
                b5.intoMemorySegment(ALL, secondSums + 5 * sumsBytes, LE);
                b6.intoMemorySegment(ALL, secondSums + 6 * sumsBytes, LE);
                b7.intoMemorySegment(ALL, secondSums + 7 * sumsBytes, LE);
                a0 = FloatVector.zero(F);
                a1 = a0;
                a2 = a0;
                a3 = a0;
                a4 = a0;
                a5 = a0;
                a6 = a0;
                a7 = a0;
                b0 = a0;
                b1 = a0;
                b2 = a0;
                b3 = a0;
                b4 = a0;
                b5 = a0;
                b6 = a0;
                b7 = a0;
                sums += L_BYTES;
                secondSums += L_BYTES;
            }
        }
    }

    @Override
    public void combine(long sums, long scales, int groups, int chunks, long accumulators) {
        FloatVector total = FloatVector.fromMemorySegment(F, ALL, accumulators, LE);
        for (int g = 0; g < groups; g++, scales += L_BYTES) {
            FloatVector sum = FloatVector.fromMemorySegment(F, ALL, sums, LE);
            if (chunks == 2) {
                sums += L_BYTES;
                sum = sum.add(FloatVector.fromMemorySegment(F, ALL, sums, LE));
            }
            sums += L_BYTES;
            total = sum.fma(FloatVector.fromMemorySegment(F, ALL, scales, LE), total);
        }
        total.intoMemorySegment(ALL, accumulators, LE);
    }

    @Override
    public void combineRows(long sums, long sumsBytes, long scales, int groups, int chunks,
            long accumulators, long accumulatorBytes) {
        long sums1 = sums + sumsBytes;
        long sums2 = sums1 + sumsBytes;
        long sums3 = sums2 + sumsBytes;
        FloatVector total0 = FloatVector.fromMemorySegment(F, ALL, accumulators, LE);
        FloatVector total1 = FloatVector.fromMemorySegment(F, ALL, accumulators + accumulatorBytes,
                LE);
        FloatVector total2 = FloatVector.fromMemorySegment(F, ALL,
                accumulators + 2 * accumulatorBytes, LE);
        FloatVector total3 = FloatVector.fromMemorySegment(F, ALL,
                accumulators + 3 * accumulatorBytes, LE);
        long next = (long) chunks * L_BYTES;
        for (int g = 0; g < groups; g++, scales += L_BYTES) {
            long offset = g * next;
            FloatVector scale = FloatVector.fromMemorySegment(F, ALL, scales, LE);
            FloatVector sum0 = FloatVector.fromMemorySegment(F, ALL, sums + offset, LE);
            FloatVector sum1 = FloatVector.fromMemorySegment(F, ALL, sums1 + offset, LE);
            FloatVector sum2 = FloatVector.fromMemorySegment(F, ALL, sums2 + offset, LE);
            FloatVector sum3 = FloatVector.fromMemorySegment(F, ALL, sums3 + offset, LE);
            if (chunks == 2) {
                long later = offset + L_BYTES;
                sum0 = sum0.add(FloatVector.fromMemorySegment(F, ALL, sums + later, LE));
                sum1 = sum1.add(FloatVector.fromMemorySegment(F, ALL, sums1 + later, LE));
                sum2 = sum2.add(FloatVector.fromMemorySegment(F, ALL, sums2 + later, LE));
                sum3 = sum3.add(FloatVector.fromMemorySegment(F, ALL, sums3 + later, LE));
            }
            total0 = sum0.fma(scale, total0);
            total1 = sum1.fma(scale, total1);
            total2 = sum2.fma(scale, total2);
            total3 = sum3.fma(scale, total3);
        }
        total0.intoMemorySegment(ALL, accumulators, LE);
        total1.intoMemorySegment(ALL, accumulators + accumulatorBytes, LE);
        total2.intoMemorySegment(ALL, accumulators + 2 * accumulatorBytes, LE);
        total3.intoMemorySegment(ALL, accumulators + 3 * accumulatorBytes, LE);
    }

    @Override
    public void combineUnscaled(long sums, int chunks, long accumulators) {
        FloatVector total = FloatVector.fromMemorySegment(F, ALL, accumulators, LE);
        for (int c = 0; c < chunks; c++, sums += L_BYTES) {
            total = FloatVector.fromMemorySegment(F, ALL, sums, LE).add(total);
        }
        total.intoMemorySegment(ALL, accumulators, LE);
    }

    @Override
    public void combineMinimums(long minimums, int groups, float[] xSums, int xSumsOffset,
            long accumulators) {
        FloatVector total = FloatVector.fromMemorySegment(F, ALL, accumulators + L_BYTES, LE);
        for (int g = 0; g < groups; g++, minimums += L_BYTES) {
            total = FloatVector.fromMemorySegment(F, ALL, minimums, LE)
                    .fma(FloatVector.broadcast(F, xSums[xSumsOffset + g]), total);
        }
        total.intoMemorySegment(ALL, accumulators + L_BYTES, LE);
    }

    @Override
    public void finish(long accumulators, float[] y, int yOffset, int count) {
        FloatVector result = FloatVector.fromMemorySegment(F, ALL, accumulators, LE)
                .sub(FloatVector.fromMemorySegment(F, ALL, accumulators + L_BYTES, LE));
        if (count == L) {
            result.intoArray(y, yOffset);
        } else {
            result.intoMemorySegment(ALL, accumulators, LE);
            MemorySegment.copy(ALL, RawMemory.FLOAT, accumulators, y, yOffset, count);
        }
    }
}
