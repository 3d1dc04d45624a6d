package dev.millrace.kernels.cpu;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Rows of activations as the native kernels multiply them: signed bytes with a scale for every 32
 * columns, in native memory that is freed with this object.
 */
final class Int8Rows {

    private final MemorySegment values;
    private final MemorySegment quantised;
    private final int columns;
    private final NativeVariant variant;

    /** @param values (rows, columns), what the rows are made from */
    Int8Rows(float[] values, int rows, int columns, NativeVariant variant) {
        this.values = MemorySegment.ofArray(values);
        this.columns = columns;
        this.variant = variant;
        quantised = Arena.ofAuto().allocate(bytes(rows, columns), PackedLayout.ALIGNMENT_BYTES);
    }

    /** What the rows take. */
    static long bytes(int rows, int columns) {
        return rows * NativeFunctions.rowBytes(columns / NativeLayout.UNIT_COLUMNS);
    }

    /** Quantises one row. */
    void prepare(int row) {
        NativeFunctions.quantise(variant, values, columns, row, quantised.address());
    }

    /** Where the first row is; valid as long as this object is reachable. */
    long address() {
        return quantised.address();
    }
}
