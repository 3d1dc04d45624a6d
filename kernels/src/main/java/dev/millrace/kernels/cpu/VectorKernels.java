package dev.millrace.kernels.cpu;

import dev.millrace.kernels.GateFunction;
import dev.millrace.kernels.QuantFormat;
import dev.millrace.kernels.QuantTensor;
import dev.millrace.kernels.TensorShape;
import dev.millrace.kernels.WorkerPool;
import java.util.Objects;

/** The fast twin: kernels on the Vector API over weights packed in tiles of rows. */
final class VectorKernels implements CpuKernels {

    /** What an operation of two kernels computes in the first before the second starts. */
    private static final int SLICE_ELEMENTS = 512;

    private final int bits;
    private final int lanes;
    private final int elementLanes;
    private final ElementKernels elements;
    private final AttentionKernels attention;
    private final ThreadLocal<TiledProduct> products;
    private final ThreadLocal<float[]> slices = ThreadLocal
            .withInitial(() -> new float[SLICE_ELEMENTS]);

    VectorKernels(int bits) {
        this(bits, VectorWidth.specialise(VectorElementKernels.class, ElementKernels.class, bits),
                bits / Float.SIZE, VectorWidth.specialise(VectorAttentionKernels.class,
                        AttentionKernels.class, bits));
    }

    /**
     * With element and attention kernels from elsewhere.
     *
     * @param elementLanes lanes of what {@code elements} sums and compares
     */
    VectorKernels(int bits, ElementKernels elements, int elementLanes,
            AttentionKernels attention) {
        VectorWidth.check(bits);
        this.bits = bits;
        this.lanes = bits / Float.SIZE;
        this.elements = elements;
        this.elementLanes = elementLanes;
        this.attention = attention;
        TileKernels tiles = VectorWidth.specialise(VectorTileKernels.class, TileKernels.class,
                bits);
        RowKernels[] rows = {
            VectorWidth.specialise(VectorByteRowKernels.class, RowKernels.class, bits),
            VectorWidth.specialise(VectorNibbleRowKernels.class, RowKernels.class, bits),
            VectorWidth.specialise(VectorFloatRowKernels.class, RowKernels.class, bits)};
        this.products = ThreadLocal
                .withInitial(() -> new TiledProduct(tiles, rows, lanes));
    }

    @Override
    public String name() {
        return "vector";
    }

    @Override
    public String instructions() {
        return bits + "-bit";
    }

    @Override
    public int vectorBits() {
        return bits;
    }

    @Override
    public long packedBytes(QuantFormat format, TensorShape shape) {
        PackedLayout layout = PackedLayout.of(format, lanes, Math.toIntExact(shape.columns()));
        return Math.multiplyExact(layout.tileBytes(), Math.ceilDiv(shape.rows(), lanes));
    }

    @Override
    public String packedForm(QuantFormat format) {
        return PackedLayout.of(format, lanes, format.blockElements()).description();
    }

    @Override
    public long scratchBytes(int widestColumns) {
        return TileScratch.bytes(lanes) + (long) SLICE_ELEMENTS * Float.BYTES;
    }

    @Override
    public CpuMatrix pack(QuantTensor tensor, WorkerPool pool) {
        MatrixChecks.checkPackable(tensor);
        return MatrixPacker.pack(tensor, lanes, pool);
    }

    @Override
    public Activations openActivations(int rows, int columns) {
        return new Activations(rows, columns, true);
    }

    @Override
    public long activationBytes(int rows, int columns) {
        return (long) rows * (columns + columns / 16 + columns / 32) * Float.BYTES;
    }

    @Override
    public void prepare(Activations x, int row) {
        x.sumRow(row);
    }

    @Override
    public void multiply(CpuMatrix weight, Activations x, int firstRow, int rows, float[] y,
            int begin, int end) {
        MatrixChecks.checkProduct(weight, x, firstRow, rows, y, begin, end);
        products.get().multiply((PackedMatrix) weight, x, firstRow, rows, y, begin, end);
    }

    @Override
    public void copyRow(CpuMatrix matrix, int row, float[] out, int outOffset) {
        Objects.checkIndex(row, matrix.rows());
        ((PackedMatrix) matrix).copyRow(row, out, outOffset);
    }

    @Override
    public void rmsNorm(float[] x, int xOffset, float[] weight, float epsilon, float[] out,
            int outOffset) {
        float[] squares = slices.get();
        elements.sumSquares(x, xOffset, weight.length, squares);
        float sum = 0;
        for (int lane = 0; lane < elementLanes; lane++) {
            sum += squares[lane];
        }
        float factor = (float) (1 / Math.sqrt(sum / weight.length + epsilon));
        elements.scaleMultiply(x, xOffset, factor, weight, out, outOffset);
    }

    @Override
    public void add(float[] x, int xOffset, float[] y, int yOffset, int count) {
        elements.add(x, xOffset, y, yOffset, count);
    }

    @Override
    public void addScaled(float[] x, int xOffset, float[] y, int yOffset, float factor,
            int count) {
        elements.addScaled(x, xOffset, y, yOffset, factor, count);
    }

    @Override
    public void scale(float[] x, int offset, float factor, int count) {
        elements.scale(x, offset, factor, count);
    }

    @Override
    public void softCap(float[] x, int offset, float cap, int count) {
        elements.softCap(x, offset, count, 1, cap);
    }

    @Override
    public void gate(GateFunction function, float[] gate, float[] up, int offset, int count) {
        float[] exponentials = slices.get();
        for (int i = 0; i < count; i += SLICE_ELEMENTS) {
            int slice = Math.min(SLICE_ELEMENTS, count - i);
            switch (function) {
                case SILU -> elements.expShifted(gate, offset + i, slice, 0, -1, exponentials, 0);
                case GELU_TANH -> {
                    elements.geluArguments(gate, offset + i, slice, exponentials);
                    elements.expShifted(exponentials, 0, slice, 0, -1, exponentials, 0);
                }
                case CLAMPED_SILU -> {
                    elements.clampGate(gate, up, offset + i, slice);
                    elements.expShifted(gate, offset + i, slice, 0, -GateFunction.CLAMPED_SLOPE,
                            exponentials, 0);
                }
            }
            elements.divideMultiply(gate, exponentials, up, offset + i, slice);
        }
    }

    @Override
    public void rotate(float[] x, int offset, float[] cosines, float[] sines, int angleOffset,
            int pairs, boolean adjacent) {
        if (adjacent) {
            elements.rotateAdjacent(x, offset, cosines, sines, angleOffset, pairs);
        } else {
            elements.rotateHalves(x, offset, cosines, sines, angleOffset, pairs);
        }
    }

    @Override
    public CpuAttention openAttention(CpuKvCache cache, int groupHeads, AttentionRule rule) {
        return openAttention(cache, groupHeads, rule, null);
    }

    /** @param variant of native kernels that multiply tiles; null for none */
    CpuAttention openAttention(CpuKvCache cache, int groupHeads, AttentionRule rule,
            NativeVariant variant) {
        rule.check(cache, groupHeads);
        return new VectorAttention(attention, elements, elementLanes, cache, groupHeads, rule,
                variant);
    }

    private float max(float[] x, int offset, int count) {
        float[] maxima = slices.get();
        elements.findMaxima(x, offset, count, maxima);
        float max = Float.NEGATIVE_INFINITY;
        for (int lane = 0; lane < elementLanes; lane++) {
            max = Math.max(max, maxima[lane]);
        }
        return max;
    }

    @Override
    public int argmax(float[] x, int offset, int count) {
        float max = max(x, offset, count);
        if (max > Float.NEGATIVE_INFINITY) {
            for (int i = 0; i < count; i++) {
                if (x[offset + i] == max) {
                    return i;
                }
            }
        }
        return 0;
    }

    @Override
    public double expShifted(float[] x, int xOffset, int count, float max, float scale,
            float[] out, int outOffset) {
        elements.expShifted(x, xOffset, count, max, scale, out, outOffset);
        return sum(out, outOffset, count);
    }

    /** The same polynomial in the same order. */
    @Override
    public double exponentialError() {
        return 0;
    }

    /** In double, four sums side by side: a fixed order that does not wait for every addition. */
    private static double sum(float[] x, int offset, int count) {
        double a = 0;
        double b = 0;
        double c = 0;
        double d = 0;
        int i = offset;
        int end = offset + count;
        for (; i + 3 < end; i += 4) {
            a += x[i];
            b += x[i + 1];
            c += x[i + 2];
            d += x[i + 3];
        }
        for (; i < end; i++) {
            a += x[i];
        }
        return a + b + (c + d);
    }
}
