package dev.millrace.kernels.cpu;

import dev.millrace.kernels.GateFunction;
import dev.millrace.kernels.KvFormat;
import dev.millrace.kernels.QuantFormat;
import dev.millrace.kernels.QuantTensor;
import dev.millrace.kernels.TensorShape;
import dev.millrace.kernels.WorkerPool;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
import java.util.Objects;
import java.util.Optional;

/**
 * The native twin: products with quantised weights in C, over activations rounded to signed bytes,
 * attention and operations on activations in C with the bits of the vector kernels, and products
 * with weights of other formats on the Vector API.
 *
 * <p>For every 32 columns a row of activations has a scale, the largest magnitude over 127, and
 * codes rounded to the nearest. Dot products of codes are exact integers; what is summed in floats
 * is, per group in order of columns, {@code fma(dot * weight scale, activation scale, sum)}, and
 * minimums likewise in a sum of their own. So results are the same bits for every instruction set,
 * batch and split. A unit with a number that is not finite makes its row's outputs NaN.
 */
final class NativeKernels implements CpuKernels {

    /** Panels of outputs that are computed together stay in a cache of the second level. */
    private static final long PANELS_BYTES = 400_000;
    private static final int MOST_PANELS = 4;
    /** Rows of one call on the same panels. */
    private static final int CALL_ROWS = 128;
    /** Multiply-adds of one call: about a tenth of a millisecond, which a collection may wait. */
    private static final long CALL_MACS = 1L << 24;

    private final NativeVariant variant;
    private final VectorKernels vector;
    /** Whether there are matrices that only the vector kernels can multiply. */
    private volatile boolean multipliesVectors;
    /** Whether one of those will ask for sums, which native ones do not need. */
    private volatile boolean sumsActivations;
    private final ThreadLocal<Scratch> scratch = ThreadLocal.withInitial(Scratch::new);

    /** What one thread keeps from call to call. */
    private static final class Scratch {
        private final ArraySegments outputs = new ArraySegments();
        private MemorySegment memory = MemorySegment.NULL;

        /** Address of memory for panels; grows to what the widest matrix needs. */
        long panels(long bytes) {
            if (memory.byteSize() < bytes) {
                memory = Arena.ofAuto().allocate(bytes, PackedLayout.ALIGNMENT_BYTES);
            }
            return memory.address();
        }
    }

    /** @param bits width of the vectors for formats that have no native kernels */
    NativeKernels(NativeVariant variant, int bits) {
        this.variant = variant;
        vector = new VectorKernels(bits, new NativeElementKernels(variant),
                NativeElementKernels.LANES, new NativeAttentionKernels(variant));
    }

    @Override
    public String name() {
        return "native";
    }

    @Override
    public String instructions() {
        return variant.label();
    }

    @Override
    public int vectorBits() {
        return vector.vectorBits();
    }

    @Override
    public boolean isCompiledAhead() {
        return !multipliesVectors;
    }

    @Override
    public long packedBytes(QuantFormat format, TensorShape shape) {
        return NativeLayout.holds(format.plain())
                ? NativeMatrix.bytes(new NativeLayout(format.plain(),
                        Math.toIntExact(shape.columns())), shape.rows())
                : vector.packedBytes(format, shape);
    }

    @Override
    public String packedForm(QuantFormat format) {
        return NativeLayout.holds(format.plain())
                ? new NativeLayout(format.plain(), NativeLayout.BLOCK_COLUMNS).description()
                : vector.packedForm(format);
    }

    /** Some narrower matrix may fill the cache better than the widest, but no fuller than full. */
    @Override
    public long scratchBytes(int widestColumns) {
        long widest = NativeLayout.mostPanelBytes(widestColumns);
        long panelBytes = Math.min(MOST_PANELS * widest, Math.max(PANELS_BYTES, widest));
        return panelBytes + vector.scratchBytes(widestColumns);
    }

    @Override
    public CpuMatrix pack(QuantTensor tensor, WorkerPool pool) {
        MatrixChecks.checkPackable(tensor);
        if (NativeLayout.holds(tensor.format().plain())) {
            return NativeMatrix.pack(tensor.plain(), variant, pool);
        }
        multipliesVectors = true;
        CpuMatrix matrix = vector.pack(tensor, pool);
        if (matrix instanceof PackedMatrix packed && packed.layout().minimums()) {
            sumsActivations = true;
        }
        return matrix;
    }

    @Override
    public Optional<String> packedLayout() {
        return Optional.of(NativeFunctions.layout() + ", " + variant.label());
    }

    @Override
    public Optional<MemorySegment> packedContent(CpuMatrix matrix) {
        return matrix instanceof NativeMatrix packed
                ? Optional.of(packed.content())
                : Optional.empty();
    }

    @Override
    public CpuMatrix restore(QuantFormat format, TensorShape shape, MemorySegment content) {
        return NativeMatrix.borrow(format, shape, content);
    }

    @Override
    public void own(CpuMatrix restored) {
        ((NativeMatrix) restored).own();
    }

    @Override
    public Activations openActivations(int rows, int columns) {
        return Activations.quantised(rows, columns, variant);
    }

    @Override
    public long activationBytes(int rows, int columns) {
        return vector.activationBytes(rows, columns) + Int8Rows.bytes(rows, columns);
    }

    @Override
    public void prepare(Activations x, int row) {
        Objects.checkIndex(row, x.rows());
        x.int8().prepare(row);
        if (sumsActivations) {
            x.sumRow(row);
        }
    }

    @Override
    public void multiply(CpuMatrix weight, Activations x, int firstRow, int rows, float[] y,
            int begin, int end) {
        if (!(weight instanceof NativeMatrix matrix)) {
            vector.multiply(weight, x, firstRow, rows, y, begin, end);
            return;
        }
        MatrixChecks.checkProduct(weight, x, firstRow, rows, y, begin, end);
        Scratch mine = scratch.get();
        MemorySegment outputs = mine.outputs.of(y);
        if (rows < variant.panelRows()) {
            multiplyTiles(matrix, x, firstRow, rows, outputs, begin, end);
        } else {
            multiplyPanels(matrix, x, firstRow, rows, outputs, begin, end, mine);
        }
        Reference.reachabilityFence(x);
    }

    private void multiplyTiles(NativeMatrix matrix, Activations x, int firstRow, int rows,
            MemorySegment y, int begin, int end) {
        NativeLayout layout = matrix.layout();
        long tileMacs = (long) rows * layout.columns() * NativeLayout.ROW_TILE;
        int step = NativeLayout.ROW_TILE * (int) Math.max(1, CALL_MACS / tileMacs);
        for (int first = begin; first < end; first += step) {
            NativeFunctions.multiply(variant, layout, matrix.rows(), firstRow,
                    firstRow + rows, first, Math.min(first + step, end), matrix.address(),
                    x.int8().address(), y, 0, false);
        }
    }

    /** How many panels of a matrix are computed together. */
    static int panels(NativeLayout layout) {
        return Math.clamp(PANELS_BYTES / layout.panelBytes(), 1, MOST_PANELS);
    }

    /** Some panels are filled by the call for the first rows and serve all others. */
    private void multiplyPanels(NativeMatrix matrix, Activations x, int firstRow, int rows,
            MemorySegment y, int begin, int end, Scratch mine) {
        NativeLayout layout = matrix.layout();
        int count = panels(layout);
        int step = count * NativeLayout.ROW_TILE;
        long memory = mine.panels(count * layout.panelBytes());
        for (int first = begin; first < end; first += step) {
            int endRow = firstRow + rows;
            for (int row = firstRow; row < endRow; row += CALL_ROWS) {
                NativeFunctions.multiply(variant, layout, matrix.rows(), row,
                        Math.min(row + CALL_ROWS, endRow), first, Math.min(first + step, end),
                        matrix.address(), x.int8().address(), y, memory, row > firstRow);
            }
        }
    }

    @Override
    public void copyRow(CpuMatrix matrix, int row, float[] out, int outOffset) {
        if (!(matrix instanceof NativeMatrix packed)) {
            vector.copyRow(matrix, row, out, outOffset);
            return;
        }
        Objects.checkIndex(row, matrix.rows());
        packed.copyRow(row, out, outOffset);
    }

    @Override
    public void rmsNorm(float[] x, int xOffset, float[] weight, float epsilon, float[] out,
            int outOffset) {
        vector.rmsNorm(x, xOffset, weight, epsilon, out, outOffset);
    }

    @Override
    public void add(float[] x, int xOffset, float[] y, int yOffset, int count) {
        vector.add(x, xOffset, y, yOffset, count);
    }

    @Override
    public void addScaled(float[] x, int xOffset, float[] y, int yOffset, float factor,
            int count) {
        vector.addScaled(x, xOffset, y, yOffset, factor, count);
    }

    @Override
    public void scale(float[] x, int offset, float factor, int count) {
        vector.scale(x, offset, factor, count);
    }

    @Override
    public void softCap(float[] x, int offset, float cap, int count) {
        vector.softCap(x, offset, cap, count);
    }

    @Override
    public void gate(GateFunction function, float[] gate, float[] up, int offset, int count) {
        vector.gate(function, gate, up, offset, count);
    }

    @Override
    public void rotate(float[] x, int offset, float[] cosines, float[] sines, int angleOffset,
            int pairs, boolean adjacent) {
        vector.rotate(x, offset, cosines, sines, angleOffset, pairs, adjacent);
    }

    @Override
    public CpuKvCache openCache(KvFormat format, int layers, int kvHeads, int headSize,
            int blockTokens, int blocks) {
        return new CpuKvCache(
                new KvLayout(format, headSize, KvLayout.hasFours(format, headSize)), layers,
                kvHeads, blockTokens, blocks);
    }

    @Override
    public CpuAttention openAttention(CpuKvCache cache, int groupHeads, AttentionRule rule) {
        return vector.openAttention(cache, groupHeads, rule,
                cache.layout().fours() ? variant : null);
    }

    @Override
    public int argmax(float[] x, int offset, int count) {
        return vector.argmax(x, offset, count);
    }

    @Override
    public double expShifted(float[] x, int xOffset, int count, float max, float scale,
            float[] out, int outOffset) {
        return vector.expShifted(x, xOffset, count, max, scale, out, outOffset);
    }

    @Override
    public double exponentialError() {
        return vector.exponentialError();
    }
}
