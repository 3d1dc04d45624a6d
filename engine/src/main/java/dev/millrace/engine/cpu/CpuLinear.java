package dev.millrace.engine.cpu;

import dev.millrace.kernels.cpu.CpuMatrix;

/**
 * A packed matrix and what is added to its product.
 *
 * @param bias (rows); null where there is none
 */
record CpuLinear(CpuMatrix matrix, float[] bias) {

    /** Runs of outputs that work is handed out in. */
    int tiles() {
        return Math.ceilDiv(matrix.rows(), matrix.rowTile());
    }

    int rows() {
        return matrix.rows();
    }
}
