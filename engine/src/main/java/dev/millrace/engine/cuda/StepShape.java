package dev.millrace.engine.cuda;

import dev.millrace.engine.forward.MemoryPlan;
import dev.millrace.engine.forward.SequenceRow;
import dev.millrace.engine.forward.StepBatch;
import dev.millrace.kernels.cuda.CudaKernels;

/**
 * How large a step is on the device: all that addresses and grids of its kernels depend on. What is
 * captured for a shape is good for every step that fits into it.
 *
 * @param tokens      computed, those included that only fill it up
 * @param rows        with a block table
 * @param tableLength blocks of a table
 * @param adapted     whether some token may have an adapter
 * @param captured    whether grids must be the same for every step that fits
 */
record StepShape(int tokens, int rows, int tableLength, boolean adapted, boolean captured) {

    /** Positions by which captured steps differ. */
    private static final int CHUNK_TOKENS = 256;
    private static final int CHUNK_BLOCKS = CHUNK_TOKENS / MemoryPlan.BLOCK_TOKENS;
    private static final int PIECE_BLOCKS = CudaKernels.PIECE_TOKENS / MemoryPlan.BLOCK_TOKENS;

    /** As small as can be. */
    static StepShape of(StepBatch batch) {
        return new StepShape(batch.tokens(), batch.rows().size(), longestTable(batch),
                isAdapted(batch), false);
    }

    /** Whether a row has an adapter. */
    static boolean isAdapted(StepBatch batch) {
        return batch.rows().stream()
                .anyMatch(row -> row.adapterSlot() != SequenceRow.NO_ADAPTER);
    }

    /** Blocks of the longest sequence. */
    static int longestTable(StepBatch batch) {
        int longest = 0;
        for (SequenceRow row : batch.rows()) {
            longest = Math.max(longest, row.computedTokens() + row.tokens().length);
        }
        return Math.ceilDiv(longest, MemoryPlan.BLOCK_TOKENS);
    }

    /** Chunks of positions of the longest sequence. */
    int chunks() {
        return Math.ceilDiv(tableLength, CHUNK_BLOCKS);
    }

    /** Pieces of attention of the longest sequence. */
    int pieces() {
        return Math.ceilDiv(tableLength, PIECE_BLOCKS);
    }

    /** A table that ends with a chunk. */
    static int tableLength(int chunks) {
        return chunks * CHUNK_BLOCKS;
    }
}
