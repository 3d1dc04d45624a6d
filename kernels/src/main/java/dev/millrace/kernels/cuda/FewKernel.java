package dev.millrace.kernels.cuda;

/**
 * A kernel for products with few tokens: its blocks of threads share all tiles of 16 rows of all
 * matrices.
 *
 * @param operands of activations that it multiplies together
 * @param blocks   that the device holds at once
 */
record FewKernel(CudaFunction function, int operands, int blocks) {

    static final int THREADS = 256;

    /** Beside {@link ManyKernel#slowness}: it reads a tile's activations for 16 rows only. */
    private static final double SLOWNESS = 3.5;

    static FewKernel of(CudaFunction function, int operands) {
        return new FewKernel(function, operands, function.residentBlocks(THREADS));
    }

    /**
     * As {@link ManyKernel#cost}.
     *
     * @param tokens    of each matrix
     * @param ofOperand tokens of an operand
     */
    double cost(int tiles, int tokens, int ofOperand, int multiprocessors) {
        long parts = (long) tiles * Math.ceilDiv(tokens, operands * ofOperand);
        return Math.ceilDiv(parts, (long) multiprocessors) * SLOWNESS * MatrixLayout.TILE_ROWS
                * operands;
    }
}
