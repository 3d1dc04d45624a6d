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
    private static final int PAIR_BYTES = 2 * L_BYTES;
    private static final MemorySegment ALL = RawMemory.ALL;
    private static final ByteOrder LE = ByteOrder.LITTLE_ENDIAN;

    /** A half's sign and magnitude, moved to where a float32 has them. */
    private static final int HALF_MAGNITUDE = 0x0FFFE000;
    private static final int HALF_INFINITY = 0x0F800000;
    /** What moving the exponent bits without adjusting their bias divides by. */
    private static final float HALF_BIAS = 0x1p112f;

    @Override
    public void expandHalves(long codes, int count, long panel) {
        for (int i = 0; i < count; i += L) {
            IntVector bits = ((IntVector) ShortVector.fromMemorySegment(S, ALL, codes + i * 2L, LE)
                    .castShape(I, 0)).lanewise(VectorOperators.LSHL, 13);
            IntVector magnitude = bits.and(HALF_MAGNITUDE);
            IntVector value = magnitude.reinterpretAsFloats().mul(HALF_BIAS).reinterpretAsInts();
            IntVector special = value.or(0x7F800000);
            value = value.blend(special,
                    magnitude.compare(VectorOperators.GE, HALF_INFINITY));
            value.or(bits.and(0x80000000)).reinterpretAsFloats()
                    .intoMemorySegment(ALL, panel + i * 4L, LE);
        }
    }

    @Override
    public void expandBrainFloats(long codes, int count, long panel) {
        for (int i = 0; i < count; i += L) {
            ((IntVector) ShortVector.fromMemorySegment(S, ALL, codes + i * 2L, LE).castShape(I, 0))
                    .lanewise(VectorOperators.LSHL, 16)
                    .intoMemorySegment(ALL, panel + i * 4L, LE);
        }
    }

    @Override
    public void expandBytes(long codes, int count, long panel) {
        for (int i = 0; i < count; i += B.length()) {
            ByteVector bytes = ByteVector.fromMemorySegment(B, ALL, codes + i, LE);
            long address = panel + i * 4L;
            ((FloatVector) bytes.castShape(F, 0)).intoMemorySegment(ALL, address, LE);
            if (B.length() > L) {
                ((FloatVector) bytes.castShape(F, 1)).intoMemorySegment(ALL, address + L_BYTES,
                        LE);
            }
        }
    }

    @Override
    public void expandNibbles(long codes, int count, long table, long panel) {
        if (L == NibbleTable.ENTRIES) {
            expandWords(codes, count, table, panel);
        } else {
            // The bytes lie where the last quarter of the floats will be: each is read before
            // the floats get there.
            long bytes = panel + 3L * count;
            lookUpPairs(codes, count, table, bytes);
            expandBytes(bytes, count, panel);
        }
    }

    /** One register holds the whole table: a word of eight columns becomes eight vectors. */
    private static void expandWords(long codes, int count, long table, long panel) {
        IntVector values = IntVector.fromMemorySegment(I, ALL,
                table + NibbleTable.FLOATS_OFFSET, LE);
        for (int i = 0; i < count; i += 8 * L) {
            IntVector word = IntVector.fromMemorySegment(I, ALL, codes + i / 2, LE);
            long address = panel + i * 4L;
            for (int shift = 0; shift < Integer.SIZE; shift += 4) {
                word.lanewise(VectorOperators.LSHR, shift).selectFrom(values)
                        .intoMemorySegment(ALL, address, LE);
                address += L_BYTES;
            }
        }
    }

    private static void lookUpPairs(long codes, int count, long table, long bytes) {
        ByteVector values = ByteVector.fromMemorySegment(PAIRS, ALL, table, LE);
        for (int i = 0; i < count; i += 32) {
            ByteVector pairs = ByteVector.fromMemorySegment(PAIRS, ALL, codes + i / 2, LE);
            pairs.and((byte) 0xF).selectFrom(values).intoMemorySegment(ALL, bytes + i, LE);
            pairs.reinterpretAsInts().lanewise(VectorOperators.LSHR, 4).reinterpretAsBytes()
                    .and((byte) 0xF).selectFrom(values)
                    .intoMemorySegment(ALL, bytes + i + 16, LE);
        }
    }

    @Override
    public void sumsOfBytes(long codes, int columns, float[] x, int xOffset, long panel,
            long sums) {
        if (B.length() > L) {
            expandBytes(codes, columns * L, panel);
            sums(panel, columns, x, xOffset, sums);
            return;
        }
        FloatVector sum = FloatVector.zero(F);
        for (int k = 0; k < columns; k += 4, codes += 4 * L) {
            sum = ((FloatVector) ByteVector.fromMemorySegment(B, ALL, codes, LE).castShape(F, 0))
                    .fma(FloatVector.broadcast(F, x[xOffset + k]), sum);
            sum = ((FloatVector) ByteVector.fromMemorySegment(B, ALL, codes + L, LE)
                    .castShape(F, 0)).fma(FloatVector.broadcast(F, x[xOffset + k + 1]), sum);
            sum = ((FloatVector) ByteVector.fromMemorySegment(B, ALL, codes + 2 * L, LE)
                    .castShape(F, 0)).fma(FloatVector.broadcast(F, x[xOffset + k + 2]), sum);
            sum = ((FloatVector) ByteVector.fromMemorySegment(B, ALL, codes + 3 * L, LE)
                    .castShape(F, 0)).fma(FloatVector.broadcast(F, x[xOffset + k + 3]), sum);
            if ((k & 12) == 12) {
                sum.intoMemorySegment(ALL, sums, LE);
                sums += L_BYTES;
                sum = FloatVector.zero(F);
            }
        }
    }

    @Override
    public void sumsOfNibbles(long codes, int columns, long table, float[] x, int xOffset,
            long panel, long sums) {
        if (L < NibbleTable.ENTRIES) {
            expandNibbles(codes, columns * L, table, panel);
            sums(panel, columns, x, xOffset, sums);
            return;
        }
        IntVector values = IntVector.fromMemorySegment(I, ALL,
                table + NibbleTable.FLOATS_OFFSET, LE);
        FloatVector sum = FloatVector.zero(F);
        for (int k = 0; k < columns; k += 8, codes += 4 * L) {
            IntVector word = IntVector.fromMemorySegment(I, ALL, codes, LE);
            sum = word.selectFrom(values).reinterpretAsFloats()
                    .fma(FloatVector.broadcast(F, x[xOffset + k]), sum);
            sum = word.lanewise(VectorOperators.LSHR, 4).selectFrom(values).reinterpretAsFloats()
                    .fma(FloatVector.broadcast(F, x[xOffset + k + 1]), sum);
            sum = word.lanewise(VectorOperators.LSHR, 8).selectFrom(values).reinterpretAsFloats()
                    .fma(FloatVector.broadcast(F, x[xOffset + k + 2]), sum);
            sum = word.lanewise(VectorOperators.LSHR, 12).selectFrom(values)
                    .reinterpretAsFloats().fma(FloatVector.broadcast(F, x[xOffset + k + 3]), sum);
            sum = word.lanewise(VectorOperators.LSHR, 16).selectFrom(values)
                    .reinterpretAsFloats().fma(FloatVector.broadcast(F, x[xOffset + k + 4]), sum);
            sum = word.lanewise(VectorOperators.LSHR, 20).selectFrom(values)
                    .reinterpretAsFloats().fma(FloatVector.broadcast(F, x[xOffset + k + 5]), sum);
            sum = word.lanewise(VectorOperators.LSHR, 24).selectFrom(values)
                    .reinterpretAsFloats().fma(FloatVector.broadcast(F, x[xOffset + k + 6]), sum);
            sum = word.lanewise(VectorOperators.LSHR, 28).selectFrom(values)
                    .reinterpretAsFloats().fma(FloatVector.broadcast(F, x[xOffset + k + 7]), sum);
            if ((k & 8) == 8) {
                sum.intoMemorySegment(ALL, sums, LE);
                sums += L_BYTES;
                sum = FloatVector.zero(F);
            }
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
    public void sumsOfFour(long panel, long panelBytes, int columns, float[] x, int xOffset,
            int xStride, long sums, long sumsBytes) {
        int x1 = xOffset + xStride;
        int x2 = x1 + xStride;
        int x3 = x2 + xStride;
        for (int first = 0; first < columns; first += CHUNK_COLUMNS) {
            FloatVector a0 = FloatVector.zero(F);
            FloatVector a1 = a0;
            FloatVector a2 = a0;
            FloatVector a3 = a0;
            FloatVector b0 = a0;
            FloatVector b1 = a0;
            FloatVector b2 = a0;
            FloatVector b3 = a0;
            int end = Math.min(first + CHUNK_COLUMNS, columns);
            for (int k = first; k < end; k++) {
                long w = panel + (long) k * L_BYTES;
                FloatVector a = FloatVector.fromMemorySegment(F, ALL, w, LE);
                FloatVector b = FloatVector.fromMemorySegment(F, ALL, w + panelBytes, LE);
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
            }
            a0.intoMemorySegment(ALL, sums, LE);
            a1.intoMemorySegment(ALL, sums + sumsBytes, LE);
            a2.intoMemorySegment(ALL, sums + 2 * sumsBytes, LE);
            a3.intoMemorySegment(ALL, sums + 3 * sumsBytes, LE);
            b0.intoMemorySegment(ALL, sums + 4 * sumsBytes, LE);
            b1.intoMemorySegment(ALL, sums + 5 * sumsBytes, LE);
            b2.intoMemorySegment(ALL, sums + 6 * sumsBytes, LE);
            b3.intoMemorySegment(ALL, sums + 7 * sumsBytes, LE);
            sums += L_BYTES;
        }
    }

    @Override
    public void expandScales(long factors, long codes, int groups, int groupsPerBlock,
            long scales) {
        for (int g = 0; g < groups; g++) {
            FloatVector factor = FloatVector.fromMemorySegment(F, ALL,
                    factors + (long) (g / groupsPerBlock) * L_BYTES, LE);
            ((FloatVector) ByteVector.fromMemorySegment(B, ALL, codes + (long) g * L, LE)
                    .castShape(F, 0)).mul(factor)
                    .intoMemorySegment(ALL, scales + (long) g * L_BYTES, LE);
        }
    }

    @Override
    public void combine(long sums, long scales, int groups, int chunks, long accumulators) {
        FloatVector even = FloatVector.fromMemorySegment(F, ALL, accumulators, LE);
        FloatVector odd = FloatVector.fromMemorySegment(F, ALL, accumulators + L_BYTES, LE);
        long groupBytes = (long) chunks * L_BYTES;
        long second = groupBytes - L_BYTES;
        for (int g = 0; g + 1 < groups; g += 2) {
            FloatVector a = FloatVector.fromMemorySegment(F, ALL, sums, LE);
            FloatVector b = FloatVector.fromMemorySegment(F, ALL, sums + groupBytes, LE);
            if (chunks == 2) {
                a = a.add(FloatVector.fromMemorySegment(F, ALL, sums + second, LE));
                b = b.add(FloatVector.fromMemorySegment(F, ALL, sums + groupBytes + second, LE));
            }
            even = a.fma(FloatVector.fromMemorySegment(F, ALL, scales, LE), even);
            odd = b.fma(FloatVector.fromMemorySegment(F, ALL, scales + L_BYTES, LE), odd);
            sums += 2 * groupBytes;
            scales += PAIR_BYTES;
        }
        if (groups % 2 == 1) {
            FloatVector a = FloatVector.fromMemorySegment(F, ALL, sums, LE);
            if (chunks == 2) {
                a = a.add(FloatVector.fromMemorySegment(F, ALL, sums + second, LE));
            }
            even = a.fma(FloatVector.fromMemorySegment(F, ALL, scales, LE), even);
        }
        even.intoMemorySegment(ALL, accumulators, LE);
        odd.intoMemorySegment(ALL, accumulators + L_BYTES, LE);
    }

    @Override
    public void combineUnscaled(long sums, int chunks, long accumulators) {
        FloatVector even = FloatVector.fromMemorySegment(F, ALL, accumulators, LE);
        FloatVector odd = FloatVector.fromMemorySegment(F, ALL, accumulators + L_BYTES, LE);
        for (int c = 0; c + 1 < chunks; c += 2, sums += PAIR_BYTES) {
            even = FloatVector.fromMemorySegment(F, ALL, sums, LE).add(even);
            odd = FloatVector.fromMemorySegment(F, ALL, sums + L_BYTES, LE).add(odd);
        }
        if (chunks % 2 == 1) {
            even = FloatVector.fromMemorySegment(F, ALL, sums, LE).add(even);
        }
        even.intoMemorySegment(ALL, accumulators, LE);
        odd.intoMemorySegment(ALL, accumulators + L_BYTES, LE);
    }

    @Override
    public void combineMinimums(long minimums, int groups, float[] xSums, int xSumsOffset,
            long accumulators) {
        FloatVector even = FloatVector.fromMemorySegment(F, ALL, accumulators + PAIR_BYTES, LE);
        FloatVector odd = FloatVector.fromMemorySegment(F, ALL, accumulators + PAIR_BYTES + L_BYTES,
                LE);
        for (int g = 0; g < groups; g += 2) {
            long address = minimums + (long) g * L_BYTES;
            even = FloatVector.fromMemorySegment(F, ALL, address, LE)
                    .fma(FloatVector.broadcast(F, xSums[xSumsOffset + g]), even);
            odd = FloatVector.fromMemorySegment(F, ALL, address + L_BYTES, LE)
                    .fma(FloatVector.broadcast(F, xSums[xSumsOffset + g + 1]), odd);
        }
        even.intoMemorySegment(ALL, accumulators + PAIR_BYTES, LE);
        odd.intoMemorySegment(ALL, accumulators + PAIR_BYTES + L_BYTES, LE);
    }

    @Override
    public void finish(long accumulators, float[] y, int yOffset, int count) {
        FloatVector scaled = FloatVector.fromMemorySegment(F, ALL, accumulators, LE)
                .add(FloatVector.fromMemorySegment(F, ALL, accumulators + L_BYTES, LE));
        FloatVector minimum = FloatVector.fromMemorySegment(F, ALL, accumulators + PAIR_BYTES, LE)
                .add(FloatVector.fromMemorySegment(F, ALL, accumulators + PAIR_BYTES + L_BYTES,
                        LE));
        FloatVector result = scaled.sub(minimum);
        if (count == L) {
            result.intoArray(y, yOffset);
        } else {
            result.intoMemorySegment(ALL, accumulators, LE);
            MemorySegment.copy(ALL, RawMemory.FLOAT, accumulators, y, yOffset, count);
        }
    }
}
