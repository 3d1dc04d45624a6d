package dev.millrace.kernels.cuda;

import java.util.ArrayList;
import java.util.List;

/**
 * A kernel for products with many tokens: its blocks of threads make a tile of outputs each, from
 * stages of weights and activations in shared memory.
 *
 * @param rows        of a tile
 * @param operands    of activations of a tile
 * @param threads     of a block
 * @param sharedBytes of dynamic shared memory of a block, as the kernel has them
 * @param slowness    time that an element of a tile takes a multiprocessor, beside the others';
 *                    from instructions counted in the machine code
 */
record ManyKernel(CudaFunction function, int rows, int operands, int threads, int sharedBytes,
        double slowness) {

    private static final int SMALL_BYTES = 92 << 10;
    private static final int LARGE_BYTES = 216 << 10;

    /** Those that a device has the shared memory for. */
    static List<ManyKernel> of(CudaDevice device, DeviceFormat format) {
        List<ManyKernel> kernels = new ArrayList<>();
        if (device.sharedBytes() >= SMALL_BYTES) {
            kernels.add(new ManyKernel(device.function("multiplyMany" + format), 64, 8, 128,
                    SMALL_BYTES, 1.4));
        }
        if (device.sharedBytes() >= LARGE_BYTES) {
            kernels.add(new ManyKernel(device.function("multiplyMost" + format), 192, 16, 256,
                    LARGE_BYTES, 1));
        }
        kernels.forEach(kernel -> kernel.function().allowShared(kernel.sharedBytes()));
        return kernels;
    }

    /**
     * Blocks of threads that hold so many tokens of each of several matrices.
     *
     * @param tokens of an operand
     */
    int groups(int count, int tokens) {
        return Math.ceilDiv(count, operands * tokens);
    }

    int rowTiles(int ofRows) {
        return Math.ceilDiv(ofRows, rows);
    }

    /** How long tiles take on so many multiprocessors, in units of an element's time. */
    double cost(long tiles, int multiprocessors) {
        return Math.ceilDiv(tiles, (long) multiprocessors) * slowness * rows * operands;
    }
}
