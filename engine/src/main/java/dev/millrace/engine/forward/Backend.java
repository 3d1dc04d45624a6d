package dev.millrace.engine.forward;

import dev.millrace.models.LoraAdapter;
import dev.millrace.models.ModelSpec;
import dev.millrace.models.Weights;

/** A kind of device that can run models. */
public interface Backend {

    /** {@code cpu} or {@code cuda}, as in {@code --backend}. */
    String name();

    /** What runs where, for people: kernels, vector width, threads. One line. */
    String description();

    /**
     * What an adapter would take on the device at most, in bytes.
     *
     * @param stepTokens most tokens in one step
     */
    default long adapterBytes(ModelSpec spec, Weights weights, LoraAdapter adapter,
            int stepTokens) {
        throw new BackendException(name() + " runs no adapters");
    }

    /**
     * Packs the weights, lays out the cache within what the budget leaves, and warms the kernels.
     *
     * @throws BackendException if the model needs what this backend lacks, or more memory than the
     *                          budget; the message says how much and what to change
     */
    ForwardPass open(ModelSpec spec, Weights weights, MemoryBudget budget);
}
