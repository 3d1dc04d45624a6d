package dev.millrace.engine.cpu;

import dev.millrace.engine.forward.BackendException;
import dev.millrace.engine.forward.BatchRules;
import dev.millrace.engine.forward.ForwardPass.DeviceMemory;
import dev.millrace.engine.forward.MemoryBudget;
import dev.millrace.kernels.KvFormat;
import dev.millrace.kernels.cpu.CpuKernels;
import dev.millrace.models.ModelSpec;

/**
 * How a memory budget divides into buffers, weights and cache: buffers are fixed by the limits,
 * weights by the model, and the cache takes what is left, up to what all sequences could fill.
 *
 * @param totalBytes  the budget
 * @param bufferBytes activations, tables and scratch, that of each thread included
 * @param adapterBytes set aside for adapters
 * @param blockBytes  one cache block over all layers
 * @param leastBlocks blocks of one full context: less is useless
 * @param mostBlocks  blocks of every sequence at full context, and one each to copy on write
 */
record CpuMemoryPlan(String model, long totalBytes, long bufferBytes, long adapterBytes,
        long blockBytes, int leastBlocks, long mostBlocks) {

    /** Positions in one cache block: the vector kernels tile them by this many. */
    static final int BLOCK_TOKENS = 32;

    static CpuMemoryPlan of(CpuKernels kernels, ModelSpec spec, MemoryBudget budget,
            int workers) {
        long blockBytes = blockBytes(spec, budget.cacheFormat());
        int leastBlocks = Math.ceilDiv(budget.contextTokens(), BLOCK_TOKENS);
        long mostBlocks = Math.min(Integer.MAX_VALUE,
                (long) budget.sequences() * (leastBlocks + 1));
        long bufferBytes = CpuBuffers.bytes(kernels, spec, budget, workers)
                + CpuTransformer.attentionBytes(spec, budget, workers)
                + RotaryTable.bytes(spec, budget.contextTokens())
                + CpuAdapters.bufferBytes(spec, budget)
                + BatchRules.scratchBytes(mostBlocks)
                + workers * kernels.scratchBytes(PackedSizes.widestColumns(spec));
        return new CpuMemoryPlan(spec.name(), budget.totalBytes(), bufferBytes,
                budget.adapterBytes(), blockBytes, leastBlocks, mostBlocks);
    }

    /** One cache block over all layers. */
    static long blockBytes(ModelSpec spec, KvFormat format) {
        return CpuKernels.cacheBlockBytes(format, spec.layers(), spec.kvHeads(), spec.headSize(),
                BLOCK_TOKENS);
    }

    /** What weights may take if one full context is to fit beside them. */
    long weightLimitBytes() {
        long limitBytes = totalBytes - bufferBytes - adapterBytes - leastBlocks * blockBytes;
        if (limitBytes <= 0) {
            throw new BackendException("nothing of the memory limit of " + totalBytes
                    + " bytes is left for the weights of " + model + ": buffers take "
                    + bufferBytes + ", adapters " + adapterBytes
                    + " and the cache of one full context " + leastBlocks * blockBytes
                    + "; raise the memory limit, or lower the context or the tokens in one step");
        }
        return limitBytes;
    }

    /** All that is taken if nothing is short: every sequence at full context. */
    DeviceMemory full(PackedSizes weights) {
        return new DeviceMemory(weights.bytes(), weights.stepBytes(), mostBlocks * blockBytes,
                bufferBytes, adapterBytes);
    }

    /** Blocks that fit beside weights within {@link #weightLimitBytes}. */
    int blocks(long weightBytes) {
        long left = totalBytes - bufferBytes - adapterBytes - weightBytes;
        return Math.toIntExact(Math.min(left / blockBytes, mostBlocks));
    }
}
