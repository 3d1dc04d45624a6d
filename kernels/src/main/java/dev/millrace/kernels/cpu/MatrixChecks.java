package dev.millrace.kernels.cpu;

import dev.millrace.kernels.QuantTensor;
import java.util.Objects;

/** What both kernels refuse, in the same words. */
final class MatrixChecks {

    private MatrixChecks() {}

    /** Refuses what is not one matrix whose extents fit an int. */
    static void checkPackable(QuantTensor tensor) {
        if (tensor.shape().planes() != 1) {
            throw new IllegalArgumentException(
                    "one matrix at a time: pack each plane of a " + tensor.shape() + " tensor");
        }
        if (tensor.shape().rows() > Integer.MAX_VALUE
                || tensor.shape().columns() > Integer.MAX_VALUE) {
            throw new IllegalArgumentException("a matrix has at most " + Integer.MAX_VALUE
                    + " rows and columns, got " + tensor.shape());
        }
    }

    static void checkProduct(CpuMatrix weight, Activations x, int firstRow, int rows, float[] y,
            int begin, int end) {
        if (rows < 1 || firstRow < 0 || x.rows() - rows < firstRow
                || x.columns() != weight.columns()
                || y.length < ((long) firstRow + rows) * weight.rows()) {
            throw new IllegalArgumentException("a product of " + rows + " rows"
                    + (firstRow == 0 ? "" : " from row " + firstRow + " on") + " with a "
                    + weight.rows() + " x " + weight.columns() + " matrix does not fit into "
                    + x.rows() + " x " + x.columns() + " inputs and " + y.length + " outputs");
        }
        Objects.checkFromToIndex(begin, end, weight.rows());
        int tile = weight.rowTile();
        if (begin % tile != 0 || end % tile != 0 && end != weight.rows()) {
            throw new IllegalArgumentException("outputs " + begin + " to " + end
                    + " do not start and end at multiples of " + tile);
        }
    }
}
