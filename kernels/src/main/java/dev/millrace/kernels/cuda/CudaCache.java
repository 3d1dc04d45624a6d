package dev.millrace.kernels.cuda;

import dev.millrace.kernels.KvFormat;

/**
 * Keys and values of one layer in a paged cache, as the kernels find them.
 *
 * @param blocks      address of the cache: (blocks, layers, layer bytes)
 * @param tables      address of the block tables, (sequences, table length) ints
 * @param tableLength blocks of the longest table
 * @param layers      that share the cache
 * @param layer       which of them
 */
public record CudaCache(long blocks, long tables, int tableLength, int layers, int layer,
        KvFormat format, int kvHeads, int headSize) {

    /** Bytes of one block over all layers that share the cache. */
    public static long blockBytes(KvFormat format, int layers, int kvHeads, int headSize) {
        return layers * (long) kvHeads * CudaKernels.BLOCK_TOKENS * format.pairBytes(headSize);
    }

    /** Writes the struct {@code Cache}. */
    CudaFunction write(CudaFunction function) {
        return function.with(blocks).with(tables).with(tableLength).with(layers).with(layer)
                .with(format.ordinal()).with(kvHeads).with(headSize);
    }
}
