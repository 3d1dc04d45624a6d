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
import static dev.millrace.kernels.cpu.TileKernels.CHUNK_COLUMNS;
import static jdk.incubator.vector.VectorOperators.LSHR;

/**
 * Row kernels on the Vector API, specialised by {@link VectorWidth}.
 *
 * <p>Each is one flat loop in which the end of a group is a branch: nested loops, and loops that
 * leave the stream to fetch scales, read memory at half the speed. What they have in common stands
 * in each: a method of our own that the compiler does not inline would box every vector.
 */
final class VectorRowKernels implements RowKernels {

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
    /** The last eight columns of a unit, and of a block of coded scales, have all of these bits. */
    private static final int UNIT_END = UNIT_COLUMNS - 8;
    private static final int BLOCK_END = 256 - 8;
    /** Columns of one word of nibbles, and the bytes of one vector of such words. */
    private static final int WORD_COLUMNS = 8;
    private static final int WORD_BYTES = L * Integer.BYTES;

    @Override
    public boolean reads(PackedLayout.Codes codes) {
        return switch (codes) {
            case BYTES -> B.length() == L;
            case NIBBLES -> L == NibbleTable.ENTRIES;
            case F32, F16, BF16 -> false;
        };
    }

    @Override
    public void addBytesUnderHalves(long unit, int units, float[] x, int xOffset,
            long accumulators) {
        FloatVector total = FloatVector.fromMemorySegment(F, ALL, accumulators, LE);
        FloatVector earlier = FloatVector.zero(F);
        FloatVector sum = earlier;
        long codes = unit + HALF_BYTES;
        for (int k = 0; k < units * UNIT_COLUMNS; k += 8, codes += 8 * L) {
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
                        .castShape(I, 0)).lanewise(VectorOperators.LSHL, Halves.SHIFT)
                        .and(Halves.FINITE).reinterpretAsFloats().mul(Halves.BIAS);
                total = earlier.add(sum).fma(scale, total);
                earlier = FloatVector.zero(F);
                sum = earlier;
                unit += HALF_BYTES + UNIT_COLUMNS * L;
                codes += HALF_BYTES;
            } else if ((k & 8) == 8) {
                earlier = sum;
                sum = FloatVector.zero(F);
            }
        }
        total.intoMemorySegment(ALL, accumulators, LE);
    }

    @Override
    public void addBytesUnderCodes(PackedLayout layout, long block, float[] x, int xOffset,
            float[] xSums, int xSumsOffset, long accumulators) {
        boolean minimums = layout.minimums();
        int factorBytes = layout.factorBytes();
        int codesOffset = layout.codesOffset();
        int minCodesOffset = layout.minCodesOffset();
        // The last eight columns of a group have all of these bits.
        int groupEnd = layout.groupColumns() - 8;
        int group = xSumsOffset;
        FloatVector total = FloatVector.fromMemorySegment(F, ALL, accumulators, LE);
        FloatVector minTotal = FloatVector.fromMemorySegment(F, ALL, accumulators + L_BYTES, LE);
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
                            .fromMemorySegment(B, ALL, scales + minCodesOffset, LE).castShape(F, 0))
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
            if ((k & UNIT_END) == UNIT_END) {
                scales = codes + 8 * L;
                if ((k & BLOCK_END) == BLOCK_END) {
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

    @Override
    public void addNibblesUnderHalves(long unit, int units, long table, float[] x, int xOffset,
            long accumulators) {
        IntVector values = IntVector.fromMemorySegment(I, ALL,
                table + NibbleTable.FLOATS_OFFSET, LE);
        FloatVector total = FloatVector.fromMemorySegment(F, ALL, accumulators, LE);
        // Two chunks side by side: one alone would wait for its own additions.
        FloatVector sum = FloatVector.zero(F);
        FloatVector laterSum = sum;
        long codes = unit + HALF_BYTES;
        for (int half = 0; half < 2 * units; half++, codes += WORD_BYTES) {
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
                FloatVector scale = ((IntVector) ShortVector.fromMemorySegment(S, ALL, unit, LE)
                        .castShape(I, 0)).lanewise(VectorOperators.LSHL, Halves.SHIFT)
                        .and(Halves.FINITE).reinterpretAsFloats().mul(Halves.BIAS);
                total = sum.add(laterSum).fma(scale, total);
                sum = FloatVector.zero(F);
                laterSum = sum;
                unit += HALF_BYTES + 4 * WORD_BYTES;
                codes += HALF_BYTES + 2 * WORD_BYTES;
            }
        }
        total.intoMemorySegment(ALL, accumulators, LE);
    }

    @Override
    public void addNibblesUnderCodes(PackedLayout layout, long block, long table, float[] x,
            int xOffset, float[] xSums, int xSumsOffset, long accumulators) {
        boolean minimums = layout.minimums();
        boolean twoGroups = layout.unitGroups() == 2;
        int factorBytes = layout.factorBytes();
        int codesOffset = layout.codesOffset();
        int minCodesOffset = layout.minCodesOffset();
        int group = xSumsOffset;
        IntVector values = IntVector.fromMemorySegment(I, ALL,
                table + NibbleTable.FLOATS_OFFSET, LE);
        FloatVector total = FloatVector.fromMemorySegment(F, ALL, accumulators, LE);
        FloatVector minTotal = FloatVector.fromMemorySegment(F, ALL, accumulators + L_BYTES, LE);
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
                                .fromMemorySegment(B, ALL, scales + minCodesOffset, LE)
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
                            .fromMemorySegment(B, ALL, scales + minCodesOffset, LE).castShape(F, 0))
                            .mul(FloatVector.fromMemorySegment(F, ALL, block + L_BYTES, LE));
                    minTotal = minimum.fma(FloatVector.broadcast(F, xSums[group]), minTotal);
                    group++;
                }
                sum = FloatVector.zero(F);
                laterSum = sum;
                codes += 2 * WORD_BYTES;
                scales = codes + WORD_BYTES;
                if ((half & 15) == 15) {
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
}
