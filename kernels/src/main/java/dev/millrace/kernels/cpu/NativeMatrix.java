package dev.millrace.kernels.cpu;

import dev.millrace.kernels.QuantBlock;
import dev.millrace.kernels.QuantFormat;
import dev.millrace.kernels.QuantTensor;
import dev.millrace.kernels.TensorShape;
import dev.millrace.kernels.WorkerPool;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.AtomicInteger;

import static dev.millrace.kernels.cpu.NativeLayout.TILE_ROWS;

/** A quantised matrix in the tiles of {@link NativeLayout}; the last tile is padded. */
final class NativeMatrix implements CpuMatrix {

    private static final MemorySegment POINTS = MemorySegment.ofArray(
            QuantBlock.latticePoints());

    private final NativeLayout layout;
    private final int rows;
    /** Where the tiles are; what is there never changes, so a product may read either place. */
    private volatile long address;
    /** Null as long as the bytes are borrowed. */
    private PageMemory memory;

    private NativeMatrix(NativeLayout layout, int rows) {
        this.layout = layout;
        this.rows = rows;
        this.memory = PageMemory.allocate(bytes(layout, rows));
        this.address = memory.address();
    }

    private NativeMatrix(NativeLayout layout, int rows, long address) {
        this.layout = layout;
        this.rows = rows;
        this.memory = null;
        this.address = address;
    }

    /**
     * A matrix that was packed before.
     *
     * @param content its {@link #content}
     * @throws IllegalArgumentException if it cannot be that
     */
    static NativeMatrix borrow(QuantFormat format, TensorShape shape, MemorySegment content) {
        if (!NativeLayout.holds(format)) {
            throw new IllegalArgumentException("there are no native kernels for " + format);
        }
        NativeLayout layout = new NativeLayout(format, Math.toIntExact(shape.columns()));
        long bytes = bytes(layout, shape.rows());
        if (content.byteSize() != bytes || !content.isNative()
                || content.address() % PageMemory.ALIGNMENT_BYTES != 0) {
            throw new IllegalArgumentException("a packed " + shape + " matrix of " + format
                    + " is " + bytes + " bytes off the heap, aligned to "
                    + PageMemory.ALIGNMENT_BYTES + ", got " + content);
        }
        return new NativeMatrix(layout, Math.toIntExact(shape.rows()), content.address());
    }

    /**
     * Copies borrowed bytes into memory of its own, while products go on: those that have begun
     * read the old place to their end.
     */
    void own() {
        if (memory == null) {
            PageMemory mine = PageMemory.allocate(bytes());
            MemorySegment.copy(content(), 0, RawMemory.ALL, mine.address(), bytes());
            memory = mine;
            address = mine.address();
        }
    }

    /** What a matrix of so many rows takes. */
    static long bytes(NativeLayout layout, long rows) {
        return Math.multiplyExact(layout.tileBytes(), Math.ceilDiv(rows, TILE_ROWS));
    }

    /** Packs a tensor, all workers together: they also share the work of getting the memory. */
    static NativeMatrix pack(QuantTensor tensor, NativeVariant variant, WorkerPool pool) {
        NativeLayout layout = new NativeLayout(tensor.format(),
                Math.toIntExact(tensor.shape().columns()));
        NativeMatrix matrix = new NativeMatrix(layout, Math.toIntExact(tensor.shape().rows()));
        AtomicInteger nextTile = new AtomicInteger();
        try {
            pool.run((worker, workers) -> {
                for (int tile = nextTile.getAndIncrement(); tile < matrix.tiles(); tile = nextTile
                        .getAndIncrement()) {
                    matrix.packTile(tensor, variant, tile);
                }
            });
        } catch (Throwable thrown) {
            matrix.close();
            throw thrown;
        }
        return matrix;
    }

    private void packTile(QuantTensor tensor, NativeVariant variant, int tile) {
        int firstRow = tile * TILE_ROWS;
        int tileRows = Math.min(TILE_ROWS, rows - firstRow);
        MemorySegment source = tensor.data().asSlice(firstRow * tensor.rowBytes(),
                tileRows * tensor.rowBytes());
        NativeFunctions.pack(variant, layout, source, tensor.rowBytes(), tileRows, POINTS,
                tile(tile));
    }

    NativeLayout layout() {
        return layout;
    }

    /** Where the first tile is. */
    long address() {
        return address;
    }

    /** All tiles. */
    MemorySegment content() {
        return RawMemory.ALL.asSlice(address, bytes());
    }

    private int tiles() {
        return Math.ceilDiv(rows, TILE_ROWS);
    }

    private long tile(int tile) {
        return address + tile * layout.tileBytes();
    }

    /** Writes one row as floats. */
    void copyRow(int row, float[] out, int outOffset) {
        layout.copyRow(tile(row / TILE_ROWS), row % TILE_ROWS, out, outOffset);
    }

    @Override
    public QuantFormat format() {
        return layout.format();
    }

    @Override
    public int rows() {
        return rows;
    }

    @Override
    public int columns() {
        return layout.columns();
    }

    @Override
    public int rowTile() {
        return NativeLayout.ROW_TILE;
    }

    @Override
    public long bytes() {
        return bytes(layout, rows);
    }

    @Override
    public void close() {
        if (memory != null) {
            memory.close();
        }
    }
}
