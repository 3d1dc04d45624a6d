package dev.millrace.models.safetensors;

import dev.millrace.kernels.QuantFormat;
import dev.millrace.kernels.QuantTensor;
import dev.millrace.kernels.ShortLivedMemory;
import dev.millrace.kernels.TensorShape;
import java.lang.foreign.MemorySegment;
import java.util.stream.LongStream;

/** A weight that files hold in several parts, and the form that the kernels get it in. */
abstract sealed class StoredWeight permits IntegerWeight, FloatEightWeight, Mxfp4Weight {

    /** Rows that are taken apart together: what lies in one line of memory where columns are. */
    static final int TILE_ROWS = 16;

    private final TensorShape shape;

    StoredWeight(TensorShape shape) {
        this.shape = shape;
    }

    final TensorShape shape() {
        return shape;
    }

    /** How the files hold it, for people. */
    abstract String stored();

    /** What it becomes. */
    abstract QuantFormat format();

    /** The same with columns in the order of their groups; null where that gains nothing. */
    StoredWeight ordered() {
        return null;
    }

    /** The order of the columns of {@link #ordered}; null if it is null. */
    int[] order() {
        return null;
    }

    /**
     * Writes some rows, counted through all planes and at most {@link #TILE_ROWS}, where they
     * belong in the whole tensor.
     */
    abstract void write(long firstRow, int rows, MemorySegment out);

    /** The tensor anew, in memory that lives as long as somebody uses it. */
    final QuantTensor read() {
        MemorySegment data = ShortLivedMemory.allocate(QuantTensor.bytes(format(), shape));
        long rows = shape.planes() * shape.rows();
        long tiles = (rows + TILE_ROWS - 1) / TILE_ROWS;
        LongStream.range(0, tiles).parallel().forEach(tile -> {
            long first = tile * TILE_ROWS;
            write(first, (int) Math.min(TILE_ROWS, rows - first), data);
        });
        return QuantTensor.of(format(), shape, data);
    }
}
