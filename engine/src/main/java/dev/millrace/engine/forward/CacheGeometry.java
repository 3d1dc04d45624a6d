package dev.millrace.engine.forward;

import java.util.List;

/**
 * The cache that a forward pass laid out. It owns the bytes; a block pool per group owns the ids.
 *
 * @param blockTokens positions in one block
 * @param groups      layers that share a block table: full attention, sliding window
 */
public record CacheGeometry(int blockTokens, List<LayerGroup> groups) {

    /**
     * Layers whose caches are addressed by one block table.
     *
     * @param layers       how many layers
     * @param windowTokens positions that a token looks back, itself included; 0 for all
     * @param blocks       blocks that exist; ids run from 0 to one less
     * @param swapBlocks   blocks that host memory can hold for swapping; 0 where there is no swap
     * @param blockBytes   bytes of one block over all layers of the group
     */
    public record LayerGroup(int layers, int windowTokens, int blocks, int swapBlocks,
            long blockBytes) {

        /** Positions of a sequence of so many that a token looks at, at most. */
        public long attendedTokens(long tokens) {
            return windowTokens == 0 ? tokens : Math.min(tokens, windowTokens);
        }
    }

    public CacheGeometry {
        groups = List.copyOf(groups);
    }

    /** Blocks that hold {@code tokens} positions. */
    public int blocksFor(int tokens) {
        return Math.ceilDiv(tokens, blockTokens);
    }

    /**
     * Blocks that hold a window's positions and those of a step, however they are aligned: no
     * sequence refers to more at once.
     *
     * @param windowTokens as of a {@link LayerGroup}, 0 for all
     * @return {@link Integer#MAX_VALUE} where there is no window
     */
    public static int windowBlocks(int windowTokens, int stepTokens, int blockTokens) {
        return windowTokens == 0
                ? Integer.MAX_VALUE
                : Math.ceilDiv(windowTokens - 1 + stepTokens, blockTokens) + 1;
    }

    /** Most blocks of a group that one sequence refers to at once. */
    public int sequenceBlocks(LayerGroup group, int contextTokens, int stepTokens) {
        return Math.min(blocksFor(contextTokens),
                windowBlocks(group.windowTokens(), stepTokens, blockTokens));
    }

    /**
     * Block tables of a sequence that always owns the same blocks, as long as nobody else takes
     * them: those of a window are used over and over.
     *
     * @param ordinal       which of such sequences, from 0
     * @param contextTokens positions of each
     * @param stepTokens    most of a sequence's tokens in one step
     * @throws IllegalArgumentException if the cache has no blocks for that many sequences
     */
    public int[][] ownTables(int ordinal, int contextTokens, int stepTokens) {
        int[][] tables = new int[groups.size()][blocksFor(contextTokens)];
        for (int index = 0; index < tables.length; index++) {
            LayerGroup group = groups.get(index);
            int owned = sequenceBlocks(group, contextTokens, stepTokens);
            long needed = (ordinal + 1L) * owned;
            if (needed > group.blocks()) {
                throw new IllegalArgumentException(ordinal + 1 + " sequences of " + contextTokens
                        + " tokens need " + needed + " cache blocks, and memory holds "
                        + group.blocks() + "; use fewer or shorter sequences");
            }
            for (int i = 0; i < tables[index].length; i++) {
                tables[index][i] = ordinal * owned + i % owned;
            }
        }
        return tables;
    }

    /** Bytes of the whole cache. */
    public long totalBytes() {
        return groups.stream().mapToLong(group -> group.blocks() * group.blockBytes()).sum();
    }
}
