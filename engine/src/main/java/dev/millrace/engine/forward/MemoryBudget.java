package dev.millrace.engine.forward;

import dev.millrace.kernels.KvFormat;
import java.util.Objects;

/**
 * How much memory a forward pass may take.
 *
 * @param totalBytes    packed weights, cache and buffers together
 * @param contextTokens longest sequence that must fit
 * @param sequences     most rows in one step
 * @param stepTokens    most tokens in one step
 * @param cacheFormat   how keys and values are kept
 * @param adapterBytes  of {@code totalBytes}, what is set aside for adapters; 0 for none ever
 */
public record MemoryBudget(long totalBytes, int contextTokens, int sequences, int stepTokens,
        KvFormat cacheFormat, long adapterBytes) {

    public MemoryBudget {
        Objects.requireNonNull(cacheFormat, "cacheFormat");
        if (totalBytes <= 0 || contextTokens <= 0 || sequences <= 0 || stepTokens <= 0) {
            throw new IllegalArgumentException("every limit must be positive: " + totalBytes
                    + " bytes, " + contextTokens + " context tokens, " + sequences + " sequences, "
                    + stepTokens + " tokens in a step");
        }
        if (adapterBytes < 0) {
            throw new IllegalArgumentException("adapterBytes must not be negative: "
                    + adapterBytes);
        }
        if (stepTokens < sequences) {
            throw new IllegalArgumentException("a step of " + stepTokens
                    + " tokens cannot serve " + sequences + " sequences, one token each");
        }
    }

    /** A budget without adapters. */
    public MemoryBudget(long totalBytes, int contextTokens, int sequences, int stepTokens,
            KvFormat cacheFormat) {
        this(totalBytes, contextTokens, sequences, stepTokens, cacheFormat, 0);
    }

    /** The same with memory set aside for adapters. */
    public MemoryBudget withAdapterBytes(long bytes) {
        return new MemoryBudget(totalBytes, contextTokens, sequences, stepTokens, cacheFormat,
                bytes);
    }

    /** A budget with the usual cache, in halves. */
    public MemoryBudget(long totalBytes, int contextTokens, int sequences, int stepTokens) {
        this(totalBytes, contextTokens, sequences, stepTokens, KvFormat.F16);
    }
}
