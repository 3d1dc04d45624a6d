package dev.millrace.kernels.cpu;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

import static dev.millrace.kernels.cpu.TileKernels.CHUNK_COLUMNS;
import static jdk.incubator.vector.VectorOperators.LSHL;

/**
 * Row kernels for sixteen-bit floats on the Vector API, specialised by {@link VectorWidth}: flat
 * loops, for the reasons that {@link VectorByteRowKernels} gives. Halves must be finite.
 */
final class VectorFloatRowKernels implements RowKernels {

    private static final VectorShape SHAPE = VectorWidth.shapeOf(MethodHandles.lookup());
    private static final VectorSpecies<Float> F = VectorSpecies.of(float.class, SHAPE);
    private static final VectorSpecies<Integer> I = VectorSpecies.of(int.class, SHAPE);
    private static final VectorSpecies<Short> S = VectorSpecies.of(short.class,
            VectorShape.forBitSize(SHAPE.vectorBitSize() / 2));
    private static final int L = F.length();
    private static final MemorySegment ALL = RawMemory.ALL;
    private static final ByteOrder LE = ByteOrder.LITTLE_ENDIAN;

    /** From one column of a tile to the next. */
    private static final int COLUMN_BYTES = L * Short.BYTES;

    @Override
    public boolean reads(PackedLayout layout) {
        return layout.codes() == PackedLayout.Codes.F16
                || layout.codes() == PackedLayout.Codes.BF16;
    }

    @Override
    public void multiplyRow(PackedLayout layout, long tile, long table, RowQuad rows) {
        if (layout.codes() == PackedLayout.Codes.F16) {
            multiplyRowOfHalves(layout, tile, rows);
        } else {
            multiplyRowOfBrainFloats(layout, tile, rows);
        }
    }

    @Override
    public void multiplyFour(PackedLayout layout, long tile, long table, RowQuad rows) {
        if (layout.codes() == PackedLayout.Codes.F16) {
            multiplyFourOfHalves(layout, tile, rows);
        } else {
            multiplyFourOfBrainFloats(layout, tile, rows);
        }
    }

    private static void multiplyRowOfHalves(PackedLayout layout, long codes, RowQuad rows) {
        int columns = layout.columns();
        float[] x = rows.x;
        int xOffset = rows.x0;
        long accumulators = rows.accumulators;
        FloatVector total = FloatVector.zero(F);
        FloatVector sum = FloatVector.zero(F);
        int whole = columns / CHUNK_COLUMNS * CHUNK_COLUMNS;
        for (int k = 0; k < whole; k += 4, codes += 4 * COLUMN_BYTES) {
            FloatVector w = ((IntVector) ShortVector.fromMemorySegment(S, ALL, codes, LE)
                    .castShape(I, 0)).lanewise(LSHL, Halves.SHIFT).and(Halves.FINITE)
                    .reinterpretAsFloats().mul(Halves.BIAS);
            sum = w.fma(FloatVector.broadcast(F, x[xOffset + k]), sum);
            w = ((IntVector) ShortVector.fromMemorySegment(S, ALL, codes + COLUMN_BYTES, LE)
                    .castShape(I, 0)).lanewise(LSHL, Halves.SHIFT).and(Halves.FINITE)
                    .reinterpretAsFloats().mul(Halves.BIAS);
            sum = w.fma(FloatVector.broadcast(F, x[xOffset + k + 1]), sum);
            w = ((IntVector) ShortVector.fromMemorySegment(S, ALL, codes + 2 * COLUMN_BYTES, LE)
                    .castShape(I, 0)).lanewise(LSHL, Halves.SHIFT).and(Halves.FINITE)
                    .reinterpretAsFloats().mul(Halves.BIAS);
            sum = w.fma(FloatVector.broadcast(F, x[xOffset + k + 2]), sum);
            w = ((IntVector) ShortVector.fromMemorySegment(S, ALL, codes + 3 * COLUMN_BYTES, LE)
                    .castShape(I, 0)).lanewise(LSHL, Halves.SHIFT).and(Halves.FINITE)
                    .reinterpretAsFloats().mul(Halves.BIAS);
            sum = w.fma(FloatVector.broadcast(F, x[xOffset + k + 3]), sum);
            if ((k & CHUNK_COLUMNS - 4) == CHUNK_COLUMNS - 4) {
                total = sum.add(total);
                sum = FloatVector.zero(F);
            }
        }
        if (whole < columns) {
            for (int k = whole; k < columns; k++, codes += COLUMN_BYTES) {
                FloatVector w = ((IntVector) ShortVector.fromMemorySegment(S, ALL, codes, LE)
                        .castShape(I, 0)).lanewise(LSHL, Halves.SHIFT).and(Halves.FINITE)
                        .reinterpretAsFloats().mul(Halves.BIAS);
                sum = w.fma(FloatVector.broadcast(F, x[xOffset + k]), sum);
            }
            total = sum.add(total);
        }
        total.intoMemorySegment(ALL, accumulators, LE);
    }

    private static void multiplyRowOfBrainFloats(PackedLayout layout, long codes, RowQuad rows) {
        int columns = layout.columns();
        float[] x = rows.x;
        int xOffset = rows.x0;
        long accumulators = rows.accumulators;
        FloatVector total = FloatVector.zero(F);
        FloatVector sum = FloatVector.zero(F);
        int whole = columns / CHUNK_COLUMNS * CHUNK_COLUMNS;
        for (int k = 0; k < whole; k += 4, codes += 4 * COLUMN_BYTES) {
            FloatVector w = ((IntVector) ShortVector.fromMemorySegment(S, ALL, codes, LE)
                    .castShape(I, 0)).lanewise(LSHL, PackedLayout.BRAIN_SHIFT)
                    .reinterpretAsFloats();
            sum = w.fma(FloatVector.broadcast(F, x[xOffset + k]), sum);
            w = ((IntVector) ShortVector.fromMemorySegment(S, ALL, codes + COLUMN_BYTES, LE)
                    .castShape(I, 0)).lanewise(LSHL, PackedLayout.BRAIN_SHIFT)
                    .reinterpretAsFloats();
            sum = w.fma(FloatVector.broadcast(F, x[xOffset + k + 1]), sum);
            w = ((IntVector) ShortVector.fromMemorySegment(S, ALL, codes + 2 * COLUMN_BYTES, LE)
                    .castShape(I, 0)).lanewise(LSHL, PackedLayout.BRAIN_SHIFT)
                    .reinterpretAsFloats();
            sum = w.fma(FloatVector.broadcast(F, x[xOffset + k + 2]), sum);
            w = ((IntVector) ShortVector.fromMemorySegment(S, ALL, codes + 3 * COLUMN_BYTES, LE)
                    .castShape(I, 0)).lanewise(LSHL, PackedLayout.BRAIN_SHIFT)
                    .reinterpretAsFloats();
            sum = w.fma(FloatVector.broadcast(F, x[xOffset + k + 3]), sum);
            if ((k & CHUNK_COLUMNS - 4) == CHUNK_COLUMNS - 4) {
                total = sum.add(total);
                sum = FloatVector.zero(F);
            }
        }
        if (whole < columns) {
            for (int k = whole; k < columns; k++, codes += COLUMN_BYTES) {
                FloatVector w = ((IntVector) ShortVector.fromMemorySegment(S, ALL, codes, LE)
                        .castShape(I, 0)).lanewise(LSHL, PackedLayout.BRAIN_SHIFT)
                        .reinterpretAsFloats();
                sum = w.fma(FloatVector.broadcast(F, x[xOffset + k]), sum);
            }
            total = sum.add(total);
        }
        total.intoMemorySegment(ALL, accumulators, LE);
    }

    private static void multiplyFourOfHalves(PackedLayout layout, long codes, RowQuad rows) {
        int columns = layout.columns();
        float[] x = rows.x;
        int x0 = rows.x0;
        int x1 = rows.x1;
        int x2 = rows.x2;
        int x3 = rows.x3;
        long bytes = rows.accumulatorBytes;
        long accumulators = rows.accumulators;
        FloatVector total0 = FloatVector.zero(F);
        FloatVector total1 = FloatVector.zero(F);
        FloatVector total2 = FloatVector.zero(F);
        FloatVector total3 = FloatVector.zero(F);
        FloatVector sum0 = FloatVector.zero(F);
        FloatVector sum1 = sum0;
        FloatVector sum2 = sum0;
        FloatVector sum3 = sum0;

        for (int k = 0; k < columns; k++, codes += COLUMN_BYTES) {
            FloatVector w = ((IntVector) ShortVector.fromMemorySegment(S, ALL, codes, LE)
                    .castShape(I, 0)).lanewise(LSHL, Halves.SHIFT).and(Halves.FINITE)
                    .reinterpretAsFloats().mul(Halves.BIAS);
            sum0 = w.fma(FloatVector.broadcast(F, x[x0 + k]), sum0);
            sum1 = w.fma(FloatVector.broadcast(F, x[x1 + k]), sum1);
            sum2 = w.fma(FloatVector.broadcast(F, x[x2 + k]), sum2);
            sum3 = w.fma(FloatVector.broadcast(F, x[x3 + k]), sum3);
            if ((k & CHUNK_COLUMNS - 1) == CHUNK_COLUMNS - 1 || k == columns - 1) {
                total0 = sum0.add(total0);
                total1 = sum1.add(total1);
                total2 = sum2.add(total2);
                total3 = sum3.add(total3);
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

    private static void multiplyFourOfBrainFloats(PackedLayout layout, long codes, RowQuad rows) {
        int columns = layout.columns();
        float[] x = rows.x;
        int x0 = rows.x0;
        int x1 = rows.x1;
        int x2 = rows.x2;
        int x3 = rows.x3;
        long bytes = rows.accumulatorBytes;
        long accumulators = rows.accumulators;
        FloatVector total0 = FloatVector.zero(F);
        FloatVector total1 = FloatVector.zero(F);
        FloatVector total2 = FloatVector.zero(F);
        FloatVector total3 = FloatVector.zero(F);
        FloatVector sum0 = FloatVector.zero(F);
        FloatVector sum1 = sum0;
        FloatVector sum2 = sum0;
        FloatVector sum3 = sum0;

        for (int k = 0; k < columns; k++, codes += COLUMN_BYTES) {
            FloatVector w = ((IntVector) ShortVector.fromMemorySegment(S, ALL, codes, LE)
                    .castShape(I, 0)).lanewise(LSHL, PackedLayout.BRAIN_SHIFT)
                    .reinterpretAsFloats();
            sum0 = w.fma(FloatVector.broadcast(F, x[x0 + k]), sum0);
            sum1 = w.fma(FloatVector.broadcast(F, x[x1 + k]), sum1);
            sum2 = w.fma(FloatVector.broadcast(F, x[x2 + k]), sum2);
            sum3 = w.fma(FloatVector.broadcast(F, x[x3 + k]), sum3);
            if ((k & CHUNK_COLUMNS - 1) == CHUNK_COLUMNS - 1 || k == columns - 1) {
                total0 = sum0.add(total0);
                total1 = sum1.add(total1);
                total2 = sum2.add(total2);
                total3 = sum3.add(total3);
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
}
