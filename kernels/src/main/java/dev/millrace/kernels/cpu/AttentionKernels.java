package dev.millrace.kernels.cpu;

/**
 * The two products of attention over one block of the cache, for up to four query heads that share
 * a KV head. Memory is native and given by address, laid out as {@link CpuKvCache} says.
 */
interface AttentionKernels {

    /** Query heads in one call. */
    int HEADS = 4;

    /**
     * Dot products of one query head with a tile of 16 keys.
     *
     * @param keys (headSize, 16)
     */
    void score(long keys, int headSize, float[] query, int queryOffset, float[] scores,
            int scoresOffset);

    /** As {@link #score} for {@link #HEADS} heads, {@code headSize} and {@code stride} apart. */
    void scoreFour(long keys, int headSize, float[] query, int queryOffset, float[] scores,
            int scoresOffset, int stride);

    /**
     * Adds {@code count} values times their weights to one head's output.
     *
     * @param values (count, headSize)
     */
    void weigh(long values, int count, int headSize, float[] weights, int weightsOffset,
            float[] out, int outOffset);

    /** As {@link #weigh} for {@link #HEADS} heads, {@code headSize} and {@code stride} apart. */
    void weighFour(long values, int count, int headSize, float[] weights, int weightsOffset,
            int stride, float[] out, int outOffset);
}
