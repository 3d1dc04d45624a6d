package dev.millrace.server.wiring;

import dev.millrace.engine.Speculation;
import dev.millrace.engine.forward.Backend;
import dev.millrace.engine.forward.ForwardPass.DeviceMemory;
import dev.millrace.engine.forward.MemoryBudget;
import dev.millrace.kernels.KvFormat;
import dev.millrace.kernels.QuantFormat;
import dev.millrace.kernels.WorkerPool;
import dev.millrace.models.ModelSpec;
import dev.millrace.models.Weights;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/** What a model runs on, and what it takes there: told before anything is opened. */
interface ServingDevice {

    /** For people and metrics. */
    String description();

    /** What the user should know about the choice, if anything. */
    Optional<String> remark();

    /** Memory for models where no limit was given, in bytes. */
    long usualMemoryBytes();

    /** The memory that opening takes where the budget is no limit; reads no weights. */
    DeviceMemory memoryNeeded(ModelSpec spec, Weights weights, MemoryBudget budget);

    /** Where several share a model: {@link #memoryNeeded} of each, in bytes; empty for one. */
    default List<Long> sharesNeeded(ModelSpec spec, Weights weights, MemoryBudget budget) {
        return List.of();
    }

    /** A cache of one full context, less than which opening refuses, in bytes. */
    long leastCacheBytes(ModelSpec spec, MemoryBudget budget);

    /** Cached keys and values of one position over all layers, in bytes. */
    long cacheBytesPerToken(ModelSpec spec, KvFormat format);

    /** What weights of a format become, in words. */
    String packedForm(QuantFormat format);

    /** How far it pays to guess tokens ahead. */
    Speculation speculation();

    /**
     * Opens models.
     *
     * @param pool   borrowed
     * @param warmUp longest time for steps ahead of the first request
     */
    Backend backend(WorkerPool pool, Duration warmUp);
}
