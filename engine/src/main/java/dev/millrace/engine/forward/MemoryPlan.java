package dev.millrace.engine.forward;

import dev.millrace.engine.forward.CacheGeometry.LayerGroup;
import dev.millrace.engine.forward.ForwardPass.DeviceMemory;
import dev.millrace.kernels.KvFormat;
import dev.millrace.models.ModelSpec;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;
import java.util.function.ToLongFunction;

/**
 * How a memory budget divides into buffers, weights and cache: buffers are fixed by the limits,
 * weights by the model, and the cache takes what is left, up to what all sequences could fill. What
 * is less than that is spread over the groups of layers in proportion.
 *
 * @param totalBytes   the budget
 * @param bufferBytes  activations, tables and scratch, that of each thread included
 * @param adapterBytes set aside for adapters
 * @param groups       of layers, each with blocks of its own
 */
public record MemoryPlan(String model, long totalBytes, long bufferBytes, long adapterBytes,
        List<GroupBlocks> groups) {

    /** Positions in one cache block: the kernels tile them by this many. */
    public static final int BLOCK_TOKENS = 32;

    /**
     * Windows that a group with a window has room for, for every sequence: its own, and those of
     * beginnings that nobody uses now and a request may share.
     */
    private static final int WINDOWS_PER_SEQUENCE = 3;

    /** Bytes of one block of a backend's cache. */
    @FunctionalInterface
    public interface BlockBytes {
        long of(KvFormat format, int layers, int kvHeads, int headSize, int blockTokens);
    }

    /**
     * What a group of layers needs.
     *
     * @param blockBytes  one cache block over its layers
     * @param leastBlocks blocks of one full context: less is useless
     * @param mostBlocks  blocks of every sequence at full context, and one each to copy on write
     */
    public record GroupBlocks(WindowGroup layers, long blockBytes, long leastBlocks,
            long mostBlocks) {

        private static GroupBlocks of(WindowGroup layers, ModelSpec spec, MemoryBudget budget,
                BlockBytes blockBytes) {
            int contextBlocks = Math.ceilDiv(budget.contextTokens(), BLOCK_TOKENS);
            int window = layers.windowTokens();
            int least = Math.min(contextBlocks,
                    CacheGeometry.windowBlocks(window, budget.stepTokens(), BLOCK_TOKENS));
            long most = contextBlocks + 1L;
            long stepBlocks = 0;
            if (window > 0) {
                int decoding = CacheGeometry.windowBlocks(window, 1, BLOCK_TOKENS);
                most = Math.min(most, WINDOWS_PER_SEQUENCE * decoding + 1L);
                stepBlocks = Math.ceilDiv(budget.stepTokens(), BLOCK_TOKENS);
            }
            most = Math.min(budget.sequences() * (contextBlocks + 1L),
                    budget.sequences() * most + stepBlocks);
            return new GroupBlocks(layers,
                    blockBytes.of(budget.cacheFormat(), layers.layers().size(), spec.kvHeads(),
                            spec.headSize(), BLOCK_TOKENS),
                    least, Math.min(Integer.MAX_VALUE, most));
        }

        private long leastBytes() {
            return leastBlocks * blockBytes;
        }

        private long mostBytes() {
            return mostBlocks * blockBytes;
        }
    }

    /** The groups of a model's layers. */
    public static List<GroupBlocks> groups(ModelSpec spec, MemoryBudget budget,
            BlockBytes blockBytes) {
        return WindowGroup.of(spec, budget.contextTokens()).stream()
                .map(layers -> GroupBlocks.of(layers, spec, budget, blockBytes)).toList();
    }

    /** The cache of one full context. */
    public static long leastCacheBytes(List<GroupBlocks> groups) {
        return sum(groups, GroupBlocks::leastBytes);
    }

    /** Blocks of all groups if nothing is short. */
    public static long mostBlocks(List<GroupBlocks> groups) {
        return sum(groups, GroupBlocks::mostBlocks);
    }

    /** Cached keys and values of one position over all layers. */
    public static long tokenBytes(ModelSpec spec, KvFormat format, BlockBytes blockBytes) {
        return blockBytes.of(format, spec.layers(), spec.kvHeads(), spec.headSize(), BLOCK_TOKENS)
                / BLOCK_TOKENS;
    }

    private static long sum(List<GroupBlocks> groups, ToLongFunction<GroupBlocks> part) {
        return groups.stream().mapToLong(part).sum();
    }

    /** What weights may take if one full context is to fit beside them. */
    public long weightLimitBytes() {
        long leastBytes = sum(groups, GroupBlocks::leastBytes);
        long limitBytes = totalBytes - bufferBytes - adapterBytes - leastBytes;
        if (limitBytes <= 0) {
            throw new BackendException("nothing of the memory limit of " + totalBytes
                    + " bytes is left for the weights of " + model + ": buffers take "
                    + bufferBytes + ", adapters " + adapterBytes
                    + " and the cache of one full context " + leastBytes
                    + "; raise the memory limit, or lower the context or the tokens in one step");
        }
        return limitBytes;
    }

    /** All that is taken if nothing is short: every sequence at full context. */
    public DeviceMemory full(WeightSizes weights) {
        return new DeviceMemory(weights.bytes(), weights.stepBytes(),
                sum(groups, GroupBlocks::mostBytes), bufferBytes, adapterBytes);
    }

    /** The groups with the blocks that fit beside weights within {@link #weightLimitBytes}. */
    public List<LayerGroup> layerGroups(long weightBytes) {
        long leastBytes = sum(groups, GroupBlocks::leastBytes);
        BigInteger wanted = BigInteger.valueOf(sum(groups, GroupBlocks::mostBytes) - leastBytes);
        BigInteger left = BigInteger.valueOf(
                totalBytes - bufferBytes - adapterBytes - weightBytes - leastBytes).min(wanted);
        List<LayerGroup> fitting = new ArrayList<>();
        for (GroupBlocks group : groups) {
            BigInteger more = BigInteger.valueOf(group.mostBlocks() - group.leastBlocks());
            long blocks = group.leastBlocks() + (wanted.signum() == 0
                    ? 0
                    : more.multiply(left).divide(wanted).longValueExact());
            fitting.add(new LayerGroup(group.layers().layers().size(),
                    group.layers().windowTokens(), Math.toIntExact(blocks), 0,
                    group.blockBytes()));
        }
        return fitting;
    }
}
