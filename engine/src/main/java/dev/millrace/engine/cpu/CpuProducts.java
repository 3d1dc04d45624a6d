package dev.millrace.engine.cpu;

import dev.millrace.kernels.cpu.Activations;
import dev.millrace.kernels.cpu.CpuKernels;

/** Products of activations with parts of a projection, biases and adapters included. */
final class CpuProducts {

    private final CpuKernels kernels;
    private final CpuAdapters adapters; // null where there can be none

    CpuProducts(CpuKernels kernels) {
        this(kernels, null);
    }

    CpuProducts(CpuKernels kernels, CpuAdapters adapters) {
        this.kernels = kernels;
        this.adapters = adapters;
    }

    /**
     * Does for some tokens what adapters need before any of the projection's outputs are computed,
     * once the tokens' inputs are prepared.
     */
    void begin(CpuLinear linear, Activations x, int firstToken, int endToken) {
        adapters.reduce(linear, x, firstToken, endToken);
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
        if (linear.place() != CpuLinear.NO_PLACE) {
            adapters.expand(linear, y, begin, end);
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
