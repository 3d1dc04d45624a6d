package dev.millrace.kernels.cuda;

/**
 * Device memory for activations on their way into products: one half or two per element, and per
 * row and sixteen elements a float each.
 *
 * @param high    address of the halves, or of the upper ones, (rows, stride)
 * @param low     address of the lower halves; 0 where there are none
 * @param inverse address of the rows' powers of two
 * @param sums    address of the sums of 16
 */
public record PreparedRows(long high, long low, long inverse, long sums) {

    /** For a kernel that is not to prepare anything. */
    static final PreparedRows NONE = new PreparedRows(0, 0, 0, 0);

    private static final int BLOCK_COLUMNS = MatrixLayout.BLOCK_COLUMNS;

    /** Columns as they are laid out. */
    static int stride(int columns) {
        return Math.ceilDiv(columns, BLOCK_COLUMNS) * BLOCK_COLUMNS;
    }

    /** Bytes that so many rows of at most so many columns take. */
    public static long bytes(int rows, int columns, CudaActivations activations) {
        long elements = (long) rows * stride(columns);
        return aligned(2 * elements) * activations.halves() + aligned(4L * rows)
                + aligned(elements / 4);
    }

    /** Rows in device memory of {@link #bytes} that begins at an address. */
    public static PreparedRows at(long address, int rows, int columns,
            CudaActivations activations) {
        long elements = (long) rows * stride(columns);
        long inverse = address + aligned(2 * elements) * activations.halves();
        return new PreparedRows(address,
                activations == CudaActivations.F16 ? 0 : address + aligned(2 * elements), inverse,
                inverse + aligned(4L * rows));
    }

    /** What they are kept as. */
    CudaActivations activations() {
        return low == 0 ? CudaActivations.F16 : CudaActivations.F16X2;
    }

    private static long aligned(long bytes) {
        return Math.ceilDiv(bytes, MatrixLayout.ALIGNMENT_BYTES) * MatrixLayout.ALIGNMENT_BYTES;
    }
}
