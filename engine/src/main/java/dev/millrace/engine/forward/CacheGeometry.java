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
            long blockBytes) {}

    public CacheGeometry {
        groups = List.copyOf(groups);
    }

    /** Blocks that hold {@code tokens} positions. */
    public int blocksFor(int tokens) {
        return Math.ceilDiv(tokens, blockTokens);
    }

    /** Bytes of the whole cache. */
    public long totalBytes() {
        return groups.stream().mapToLong(group -> group.blocks() * group.blockBytes()).sum();
    }
}
