package dev.millrace.kernels.cpu;

import java.lang.foreign.MemorySegment;

import static dev.millrace.kernels.cpu.AttentionKernels.ROWS;
import static dev.millrace.kernels.cpu.CpuAttention.CHUNK_TOKENS;
import static dev.millrace.kernels.cpu.KvLayout.TILE_TOKENS;

/**
 * Products of rows of queries and weights with the tiles of one chunk in C, exact in integers:
 * queries are rounded to 8 bits as activations are, weights to 14. {@code attention.h} says how.
 *
 * <p>Arrays come as segments that the caller made once: one made for a call may end on the heap.
 */
final class NativeTiles {

    private final NativeVariant variant;
    private final int headSize;
    private final int paddedSize;
    private final Int8Rows queries;
    private final long[] addresses = new long[CHUNK_TOKENS / TILE_TOKENS];
    private final MemorySegment addressSegment = MemorySegment.ofArray(addresses);
    private int count;

    /**
     * @param queries (rows, padded head size), what lies beyond a head being zero
     * @param rows    a multiple of {@link AttentionKernels#ROWS}
     */
    NativeTiles(NativeVariant variant, KvLayout layout, float[] queries, int rows) {
        if (!layout.fours() || rows % ROWS != 0) {
            throw new IllegalArgumentException("the native kernels attend with a multiple of "
                    + ROWS + " rows to a cache that was laid out for them, got " + rows
                    + " rows and " + layout);
        }
        this.variant = variant;
        headSize = layout.headSize();
        paddedSize = layout.paddedSize();
        this.queries = new Int8Rows(queries, rows, paddedSize, variant);
    }

    /** Rounds the first rows of queries. */
    void roundQueries(int rows) {
        for (int row = 0; row < rows; row++) {
            queries.prepare(row);
        }
    }

    /** Forgets the tiles. */
    void clear() {
        count = 0;
    }

    /** Appends a tile of keys or values. */
    void add(long address) {
        addresses[count++] = address;
    }

    /** Writes (rows, {@link CpuAttention#CHUNK_TOKENS}) scores from a column on. */
    void score(int rows, MemorySegment scores, int column) {
        NativeFunctions.score(variant, headSize, rows, count, addressSegment,
                queries.address(), scores, column, CHUNK_TOKENS);
    }

    /**
     * Adds weighted values to (rows, padded head size) sums.
     *
     * @param begin   first position, counted from the first tile
     * @param end     one past the last; weights of the tiles' other positions are finite
     * @param weights (rows, CHUNK_TOKENS) from a column on, none negative
     */
    void addValues(int rows, int begin, int end, MemorySegment weights, int column,
            MemorySegment sums) {
        NativeFunctions.addValues(variant, headSize, rows, count, addressSegment, begin, end,
                weights, column, CHUNK_TOKENS, sums, paddedSize);
    }
}
