package dev.millrace.kernels.cuda;

/**
 * Matrices that the same activations are multiplied by, and where each product goes: a list of
 * descriptors in device memory, written once.
 *
 * @param address of the descriptors
 * @param count   matrices
 * @param rows    of the largest matrix
 * @param columns of all of them
 */
public record CudaProduct(long address, int count, int rows, int columns) {

    /** One of them before it is on the device. */
    public record Part(CudaMatrix matrix, long bias, long out) {}

    /** Bytes of a descriptor: {@code struct Matrix} of the kernels. */
    public static final int DESCRIPTOR_BYTES = 64;
}
