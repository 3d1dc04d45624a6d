package dev.millrace.kernels.cpu;

/** Keys and values of every layer in fixed-size blocks, in float32, off the heap. */
public interface CpuKvCache extends AutoCloseable {

    /** Positions in one block. */
    int blockTokens();

    int blocks();

    /** Bytes of one block over all layers. */
    long blockBytes();

    /** Copies one block over all layers. */
    void copy(int fromBlock, int toBlock);

    /** Clears one block over all layers. */
    void zero(int block);

    @Override
    void close();
}
