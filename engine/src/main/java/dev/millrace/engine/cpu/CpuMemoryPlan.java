package dev.millrace.engine.cpu;

import dev.millrace.engine.forward.BackendException;
import dev.millrace.engine.forward.BatchRules;
import dev.millrace.engine.forward.CacheGeometry;
import dev.millrace.engine.forward.CacheGeometry.LayerGroup;
import dev.millrace.engine.forward.ForwardPass.DeviceMemory;
import dev.millrace.engine.forward.MemoryBudget;
import dev.millrace.kernels.KvFormat;
import dev.millrace.kernels.cpu.CpuKernels;
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
record CpuMemoryPlan(String model, long totalBytes, long bufferBytes, long adapterBytes,
        List<GroupBlocks> groups) {

    /** Positions in one cache block: the vector kernels tile them by this many. */
    static final int BLOCK_TOKENS = 32;

    /**
     * Windows that a group with a window has room for, for every sequence: its own, and those of
     * beginnings that nobody uses now and a request may share.
     */
    private static final int WINDOWS_PER_SEQUENCE = 3;

    /**
     * What a group of layers needs.
     *
     * @param blockBytes  one cache block over its layers
     * @param leastBlocks blocks of one full context: less is useless
     * @param mostBlocks  blocks of every sequence at full context, and one each to copy on write
     */
    record GroupBlocks(CpuLayerGroup layers, long blockBytes, long leastBlocks, long mostBlocks) {

        private static GroupBlocks of(CpuLayerGroup layers, ModelSpec spec, MemoryBudget budget) {
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
                    CpuKernels.cacheBlockBytes(budget.cacheFormat(), layers.layers().size(),
                            spec.kvHeads(), spec.headSize(), BLOCK_TOKENS),
                    least, Math.min(Integer.MAX_VALUE, most));
        }

        private long leastBytes() {
            return leastBlocks * blockBytes;
        }

        private long mostBytes() {
            return mostBlocks * blockBytes;
        }
    }

    static CpuMemoryPlan of(CpuKernels kernels, ModelSpec spec, MemoryBudget budget,
            int workers) {
        List<GroupBlocks> groups = groups(spec, budget);
        long bufferBytes = CpuBuffers.bytes(kernels, spec, budget, workers)
                + CpuTransformer.attentionBytes(spec, budget, workers)
                + RotaryTable.bytes(spec, budget.contextTokens())
                + CpuAdapters.bufferBytes(spec, budget)
                + BatchRules.scratchBytes(sum(groups, GroupBlocks::mostBlocks))
                + workers * kernels.scratchBytes(PackedSizes.widestColumns(spec));
        return new CpuMemoryPlan(spec.name(), budget.totalBytes(), bufferBytes,
                budget.adapterBytes(), groups);
    }

    private static List<GroupBlocks> groups(ModelSpec spec, MemoryBudget budget) {
        return CpuLayerGroup.of(spec, budget.contextTokens()).stream()
                .map(layers -> GroupBlocks.of(layers, spec, budget)).toList();
    }

    /** The cache of one full context. */
    static long leastCacheBytes(ModelSpec spec, MemoryBudget budget) {
        return sum(groups(spec, budget), GroupBlocks::leastBytes);
    }

    /** Cached keys and values of one position over all layers. */
    static long tokenBytes(ModelSpec spec, KvFormat format) {
        return CpuKernels.cacheBlockBytes(format, spec.layers(), spec.kvHeads(), spec.headSize(),
                BLOCK_TOKENS) / BLOCK_TOKENS;
    }

    private static long sum(List<GroupBlocks> groups, ToLongFunction<GroupBlocks> part) {
        return groups.stream().mapToLong(part).sum();
    }

    /** What weights may take if one full context is to fit beside them. */
    long weightLimitBytes() {
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
    DeviceMemory full(PackedSizes weights) {
        return new DeviceMemory(weights.bytes(), weights.stepBytes(),
                sum(groups, GroupBlocks::mostBytes), bufferBytes, adapterBytes);
    }

    /** The groups with the blocks that fit beside weights within {@link #weightLimitBytes}. */
    List<LayerGroup> layerGroups(long weightBytes) {
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
