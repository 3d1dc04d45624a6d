package dev.millrace.engine;

import dev.millrace.engine.forward.BlockOperations;
import dev.millrace.engine.forward.BlockOperations.Move;
import dev.millrace.engine.forward.CacheGeometry;
import dev.millrace.engine.forward.CacheGeometry.LayerGroup;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Gives sequences their cache blocks, over all layer groups at once, and shares equal beginnings.
 *
 * <p>Only full blocks are shared, and a sequence always computes at least its last token, so nobody
 * ever writes to a block that another refers to; a block that is shared in part is copied first.
 * The vLLM paper (Kwon et al., "Efficient Memory Management for Large Language Model Serving with
 * PagedAttention", SOSP 2023) has the idea of paged blocks with reference counts.
 */
final class BlockCache {

    private final int blockTokens;
    private final LayerGroup[] groups;
    private final BlockPool[] pools;
    private final int[] peakBlocks; // (groups): most blocks that one sequence refers to at once
    private final int layers;
    private final PrefixIndex index; // null where prefixes are not shared
    private final List<Move> copies = new ArrayList<>(); // ahead of the next step, in this order

    BlockCache(CacheGeometry geometry, int stepTokens, boolean prefixReuse) {
        blockTokens = geometry.blockTokens();
        groups = geometry.groups().toArray(LayerGroup[]::new);
        pools = new BlockPool[groups.length];
        peakBlocks = new int[groups.length];
        int[] sizes = new int[groups.length];
        int layersOfAll = 0;
        for (int group = 0; group < groups.length; group++) {
            sizes[group] = groups[group].blocks();
            pools[group] = new BlockPool(sizes[group]);
            peakBlocks[group] = Math.min(sizes[group], windowBlocks(group, stepTokens));
            layersOfAll += groups[group].layers();
        }
        layers = layersOfAll;
        index = prefixReuse ? new PrefixIndex(blockTokens, sizes) : null;
    }

    private int windowBlocks(int group, int stepTokens) {
        return CacheGeometry.windowBlocks(groups[group].windowTokens(), stepTokens, blockTokens);
    }

    /** Positions of the longest sequence that can run when it has the whole cache to itself. */
    int positions() {
        int positions = Integer.MAX_VALUE;
        for (int group = 0; group < groups.length; group++) {
            boolean slides = pools[group].size() >= windowBlocks(group, 1);
            if (!slides) {
                positions = Math.min(positions, pools[group].size() * blockTokens);
            }
        }
        return positions;
    }

    /** Tokens of a prompt that are likely to be cached; for any thread. */
    int knownTokens(GenerationRequest request) {
        return index == null ? 0 : index.known().tokens(request);
    }

    int usedBlocks() {
        return Arrays.stream(pools).mapToInt(BlockPool::used).sum();
    }

    int totalBlocks() {
        return Arrays.stream(pools).mapToInt(BlockPool::size).sum();
    }

    BlockPool pool(int group) {
        return pools[group];
    }

    /**
     * Gives a sequence that holds nothing the cached blocks of its beginning, if the rest of its
     * tokens then fits beside what the running sequences still need for theirs.
     *
     * @param running the sequences that have been admitted
     * @param leader  one that has the same prompt in the cache, or null
     * @return whether it fits; if not, it holds nothing
     */
    boolean admit(Sequence sequence, List<Sequence> running, Sequence leader) {
        int copied = copies.size();
        int reused = leader == null ? 0 : fork(sequence, leader);
        if (reused == 0) {
            reused = reuse(sequence);
        }
        for (int group = 0; group < groups.length; group++) {
            long needed = missingBlocks(sequence, group, reused);
            for (Sequence other : running) {
                // The extra block lets everyone grow a while before somebody must be thrown out.
                needed += missingBlocks(other, group, other.computedTokens()) + 1;
            }
            if (needed > pools[group].available()) {
                release(sequence);
                copies.subList(copied, copies.size()).clear();
                return false;
            }
        }
        sequence.admit(reused);
        return true;
    }

    /**
     * Gives a sequence the blocks of its leader's prompt, but for the prompt's last token, which it
     * must compute to sample what follows: whole blocks are shared, and what it is going to write
     * to is copied ahead of the next step.
     *
     * @return tokens that the cache holds for it now; 0 if it needs to compute more itself, or the
     *         leader has no longer what is needed
     */
    private int fork(Sequence sequence, Sequence leader) {
        int tokens = sequence.promptTokens() - 1;
        int whole = tokens / blockTokens;
        boolean partial = tokens % blockTokens > 0;
        if (sequence.reusableTokens() < tokens) {
            return 0; // of its prompt, logits are wanted
        }
        for (int group = 0; group < groups.length; group++) {
            BlockTables theirs = leader.blocks();
            if (theirs.released(group) > firstBlockInWindow(group, tokens)
                    || theirs.length(group) * blockTokens < tokens
                    || partial && pools[group].available() == 0) {
                return 0;
            }
        }
        for (int group = 0; group < groups.length; group++) {
            int start = firstBlockInWindow(group, tokens);
            for (int entry = 0; entry < whole; entry++) {
                if (entry < start) {
                    sequence.blocks().skip(group);
                } else {
                    int block = leader.blocks().block(group, entry);
                    pools[group].retain(block);
                    sequence.blocks().append(group, block);
                }
            }
            if (partial) {
                int copy = take(group);
                copies.add(new Move(group, leader.blocks().block(group, whole), copy));
                sequence.blocks().append(group, copy);
            }
        }
        return tokens;
    }

    /** Blocks to copy ahead of the next step; they are asked for once. */
    BlockOperations operations() {
        if (copies.isEmpty()) {
            return BlockOperations.NONE;
        }
        BlockOperations operations = new BlockOperations(List.of(), List.of(), copies, List.of());
        copies.clear();
        return operations;
    }

    /** Blocks that the sequence must still take so that all its tokens of now are in the cache. */
    private int missingBlocks(Sequence sequence, int group, int computedTokens) {
        int start = firstBlockInWindow(group, computedTokens);
        int blocks = Math.ceilDiv(sequence.length(), blockTokens) - start;
        return Math.max(0, Math.min(blocks, peakBlocks[group]) - sequence.blocks().held(group));
    }

    /**
     * Gives a text that holds nothing the longest cached prefix that every group still has.
     *
     * @return tokens that the cache holds for it now
     */
    int reuse(CachedText sequence) {
        if (index == null) {
            return 0;
        }
        int[][] path = index.find(sequence, sequence.reusableTokens() / blockTokens);
        int reused = longestUsable(path);
        for (int group = 0; group < groups.length; group++) {
            int start = firstBlockInWindow(group, reused * blockTokens);
            for (int block = 0; block < reused; block++) {
                if (block < start) {
                    sequence.blocks().skip(group);
                } else {
                    pools[group].retain(path[block][group]);
                    sequence.blocks().append(group, path[block][group]);
                }
            }
        }
        sequence.blocks().share(reused);
        return reused * blockTokens;
    }

    private int longestUsable(int[][] path) {
        int[] run = new int[groups.length]; // cached blocks in a row, up to the one looked at
        int longest = 0;
        for (int blocks = 1; blocks <= path.length; blocks++) {
            boolean usable = true;
            for (int group = 0; group < groups.length; group++) {
                run[group] = path[blocks - 1][group] < 0 ? 0 : run[group] + 1;
                int start = firstBlockInWindow(group, blocks * blockTokens);
                usable &= run[group] >= blocks - start;
            }
            if (usable) {
                longest = blocks;
            }
        }
        return longest;
    }

    /** The first block that the token at {@code position} still looks at. */
    private int firstBlockInWindow(int group, int position) {
        int window = groups[group].windowTokens();
        return window == 0 ? 0 : Math.max(0, position - window + 1) / blockTokens;
    }

    /**
     * Takes the blocks for a sequence's next tokens.
     *
     * @param wanted tokens to compute, at least 1
     * @return tokens for which there is room now, from 0 to {@code wanted}
     */
    int grow(CachedText sequence, int wanted) {
        BlockTables blocks = sequence.blocks();
        long reach = (long) sequence.computedTokens() + wanted;
        for (int group = 0; group < groups.length; group++) {
            long limit = (long) blocks.length(group) + pools[group].available();
            reach = Math.min(reach, limit * blockTokens);
        }
        int room = (int) Math.max(0, reach - sequence.computedTokens());
        if (room > 0) {
            for (int group = 0; group < groups.length; group++) {
                while (blocks.length(group) * (long) blockTokens < reach) {
                    blocks.append(group, take(group));
                }
            }
        }
        return room;
    }

    private int take(int group) {
        int block = pools[group].take();
        if (index != null) {
            index.forget(group, block);
        }
        return block;
    }

    /** Returns the blocks that the sequence's next token will not look at any more. */
    void slide(CachedText sequence) {
        for (int group = 0; group < groups.length; group++) {
            int start = firstBlockInWindow(group, sequence.computedTokens());
            while (sequence.blocks().released(group) < start) {
                giveBack(group, sequence.blocks().releaseFirst(group));
            }
        }
    }

    /** Lets others find the full blocks of the sequence, whose contents are known to be sound. */
    void share(CachedText sequence) {
        int full = sequence.computedTokens() / blockTokens;
        if (index != null && full > sequence.blocks().shared()) {
            index.enter(sequence, full);
            sequence.blocks().share(full);
        }
    }

    /** Makes sure that nobody finds what this sequence refers to. */
    void discredit(CachedText sequence) {
        if (index == null) {
            return;
        }
        BlockTables blocks = sequence.blocks();
        for (int group = 0; group < groups.length; group++) {
            for (int entry = blocks.released(group); entry < blocks.length(group); entry++) {
                index.forget(group, blocks.block(group, entry));
            }
        }
    }

    /** Returns everything; what is shared stays findable until its blocks are needed. */
    void release(CachedText sequence) {
        for (int group = 0; group < groups.length; group++) {
            // Last block first: a prefix is worth more than what follows, so it is evicted later.
            while (sequence.blocks().held(group) > 0) {
                giveBack(group, sequence.blocks().releaseLast(group));
            }
            sequence.blocks().clear(group);
        }
        sequence.blocks().share(0);
    }

    private void giveBack(int group, int block) {
        pools[group].release(block, index != null && index.holds(group, block));
    }

    /**
     * Positions that {@code count} tokens from {@code first} on attend to, summed over the tokens
     * and averaged over the layers.
     */
    long contextTokens(int first, int count) {
        long total = 0;
        for (LayerGroup group : groups) {
            int window = group.windowTokens() == 0 ? Integer.MAX_VALUE : group.windowTokens();
            long growing = Math.clamp((long) window - first, 0, count);
            long attended = growing * first + growing * (growing + 1) / 2
                    + (count - growing) * window;
            total += attended * group.layers();
        }
        return total / layers;
    }
}
