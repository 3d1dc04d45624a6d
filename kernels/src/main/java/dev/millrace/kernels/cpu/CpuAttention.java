package dev.millrace.kernels.cpu;

/**
 * Attention over one cache, for one thread at a time: holds scratch memory.
 *
 * <p>A query position attends to the cached positions up to its own: a weighted mean of their
 * values, with weights {@code exp(cap(scale * query . key))} (see {@link AttentionRule}). That is
 * computed in chunks of {@value #CHUNK_TOKENS} positions counted from the first of the sequence,
 * each against its own
 * largest score, and chunks are combined in order (Milakov and Gimelshein, "Online normalizer
 * calculation for softmax", 2018). So a position's result is the same bits however many positions
 * are computed together, and whether its chunks are computed one after the other
 * ({@link #attend}) or by several threads ({@link #attendChunk}, {@link #combine}).
 */
public sealed interface CpuAttention permits ScalarAttention, VectorAttention {

    /** Positions in one chunk. */
    int CHUNK_TOKENS = 256;

    /** Most query positions in one call of {@link #attend}. */
    int tokenLimit();

    /**
     * Attention of consecutive query positions of one sequence, for the query heads that share one
     * KV head. The keys and values of all of them are in the cache.
     *
     * <p>Element {@code (token, head, i)} of {@code query} and {@code out} is at
     * {@code offset + (token * kvHeads * groupHeads + head) * headSize + i}.
     *
     * @param blockTable block of positions {@code i * blockTokens ...}; those before the window of
     *                   the first query position may be missing
     * @param position   absolute position of the first query
     * @param tokens     how many, at most {@link #tokenLimit}
     */
    void attend(int layer, int kvHead, int[] blockTable, int position, int tokens, float[] query,
            int queryOffset, float[] out, int outOffset);

    /** Floats that {@link #attendChunk} writes. */
    int partSize();

    /**
     * One chunk's part of what {@link #attend} computes for one query position.
     *
     * @param chunk one of those from {@link #firstChunk} to the one of the position itself
     */
    void attendChunk(int layer, int kvHead, int[] blockTable, int position, int chunk,
            float[] query, int queryOffset, float[] parts, int partsOffset);

    /** Combines the parts of a query position's chunks, which lie one after the other in order. */
    void combine(int layer, int kvHead, float[] parts, int partsOffset, int chunks, float[] out,
            int outOffset);

    /** The first chunk that a query position attends to. */
    static int firstChunk(int position, int windowTokens) {
        return firstPosition(position, windowTokens) / CHUNK_TOKENS;
    }

    /** The first position that a query position attends to; a window of 0 reaches all the way. */
    static int firstPosition(int position, int windowTokens) {
        return windowTokens == 0 ? 0 : Math.max(0, position + 1 - windowTokens);
    }

    /** Refuses more positions than there is room for. */
    static void checkTokens(int tokens, int limit) {
        if (tokens < 1 || tokens > limit) {
            throw new IllegalArgumentException("attention takes 1 to " + limit
                    + " positions at a time, got " + tokens);
        }
    }
}
