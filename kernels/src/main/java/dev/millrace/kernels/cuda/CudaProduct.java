package dev.millrace.kernels.cuda;

import java.util.List;

/**
 * Matrices that the same activations are multiplied by, and where each product goes: a list of
 * descriptors in device memory, written once.
 *
 * @param address of the descriptors
 * @param parts   the matrices
 * @param runs    of matrices of one format and order of columns
 * @param columns of all matrices
 */
public record CudaProduct(long address, List<Part> parts, List<Run> runs, int columns) {

    /**
     * Matrices side by side that one kernel multiplies.
     *
     * @param first of them
     * @param rows  of the largest
     * @param tiles of 16 rows, of all of them
     */
    record Run(DeviceFormat format, ColumnOrder order, int first, int count, int rows,
            int tiles) {

        /** Whether a matrix is multiplied as these are. */
        boolean takes(Part part) {
            return part.matrix().format() == format && part.order().equals(order);
        }

        /** This one and a matrix more. */
        Run with(CudaMatrix matrix) {
            return new Run(format, order, first, count + 1, Math.max(rows, matrix.rows()),
                    tiles + matrix.tiles());
        }
    }

    /** One of them before it is on the device. */
    public record Part(CudaMatrix matrix, long bias, long out, ColumnOrder order) {

        public Part(CudaMatrix matrix, long bias, long out) {
            this(matrix, bias, out, ColumnOrder.NONE);
        }
    }

    /** Bytes of a descriptor: {@code struct Matrix} of the kernels. */
    public static final int DESCRIPTOR_BYTES = 64;
}
