package dev.millrace.engine.cpu;

import dev.millrace.kernels.cpu.Activations;
import dev.millrace.kernels.cpu.CpuKernels;

/** Products of activations with parts of a projection, biases included. */
final class CpuProducts {

    private final CpuKernels kernels;

    CpuProducts(CpuKernels kernels) {
        this.kernels = kernels;
    }

    /**
     * Multiplies rows of activations and adds the bias.
     *
     * @param firstRow first row of x to multiply, and of y to write
     * @param begin    first output, a multiple of the matrix's row tile
     * @param end      one past the last output, likewise or the number of outputs
     */
    void multiply(CpuLinear linear, Activations x, int firstRow, int rows, float[] y, int begin,
            int end) {
        kernels.multiply(linear.matrix(), x, firstRow, rows, y, begin, end);
        if (linear.bias() != null) {
            for (int row = firstRow; row < firstRow + rows; row++) {
                kernels.add(y, row * linear.rows() + begin, linear.bias(), begin, end - begin);
            }
        }
    }

    /** Multiplies by those tiles in {@code [firstTile, endTile)} that the projection has. */
    void multiplyTiles(CpuLinear linear, Activations x, int rows, float[] y, int firstTile,
            int endTile) {
        int tile = linear.matrix().rowTile();
        int begin = Math.max(firstTile, 0) * tile;
        int end = Math.min(endTile * tile, linear.rows());
        if (begin < end) {
            multiply(linear, x, 0, rows, y, begin, end);
        }
    }
}
