package dev.millrace.engine.cpu;

import dev.millrace.engine.cpu.packed.PackedFolder;
import dev.millrace.engine.forward.Backend;
import dev.millrace.engine.forward.BackendException;
import dev.millrace.engine.forward.BatchRules;
import dev.millrace.engine.forward.ForwardPass;
import dev.millrace.engine.forward.ForwardPass.DeviceMemory;
import dev.millrace.engine.forward.ForwardPass.OpenTimes;
import dev.millrace.engine.forward.MemoryBudget;
import dev.millrace.engine.forward.MemoryPlan;
import dev.millrace.engine.forward.MemoryPlan.GroupBlocks;
import dev.millrace.engine.forward.RotaryTable;
import dev.millrace.engine.forward.WeightSizes;
import dev.millrace.kernels.KvFormat;
import dev.millrace.kernels.WorkerPool;
import dev.millrace.kernels.cpu.CpuKernels;
import dev.millrace.models.LoraAdapter;
import dev.millrace.models.ModelSpec;
import dev.millrace.models.Weights;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.Optional;

/** Runs models on the processor. Borrows the kernels and the pool; closes neither. */
public final class CpuBackend implements Backend {

    /** Enough for the JIT to settle on a model of a billion weights. */
    public static final Duration DEFAULT_WARM_UP = Duration.ofSeconds(3);

    private final CpuKernels kernels;
    private final WorkerPool pool;
    private final Duration warmUpLimit;
    private final Optional<PackedFolder> folder;

    public CpuBackend(CpuKernels kernels, WorkerPool pool) {
        this(kernels, pool, DEFAULT_WARM_UP);
    }

    /**
     * @param warmUpLimit longest that {@link #open} may spend on running steps ahead of the first
     *                    request; zero to skip it. A step under way is not interrupted
     */
    public CpuBackend(CpuKernels kernels, WorkerPool pool, Duration warmUpLimit) {
        this(kernels, pool, warmUpLimit, Optional.empty());
    }

    /**
     * @param folder where packed weights are kept, so that the next {@link #open} of the same model
     *               maps them; empty to pack them every time
     */
    public CpuBackend(CpuKernels kernels, WorkerPool pool, Duration warmUpLimit,
            Optional<PackedFolder> folder) {
        this.kernels = Objects.requireNonNull(kernels, "kernels");
        this.pool = Objects.requireNonNull(pool, "pool");
        this.warmUpLimit = Objects.requireNonNull(warmUpLimit, "warmUpLimit");
        this.folder = Objects.requireNonNull(folder, "folder");
    }

    @Override
    public String name() {
        return "cpu";
    }

    @Override
    public String description() {
        return description(kernels, pool.workers());
    }

    /** What such kernels on so many threads are called. */
    public static String description(CpuKernels kernels, int workers) {
        String instructions = kernels.instructions();
        return "cpu: " + kernels.name() + " kernels"
                + (instructions.isEmpty() ? "" : ", " + instructions) + ", " + workers
                + (workers == 1 ? " thread" : " threads");
    }

    /**
     * The memory that {@link #open} takes where the budget is no limit, so that the cache holds all
     * sequences at full context; reads no weights.
     *
     * @param workers threads
     */
    public static DeviceMemory memoryNeeded(CpuKernels kernels, int workers, ModelSpec spec,
            Weights weights, MemoryBudget budget) {
        return plan(kernels, workers, spec, budget)
                .full(WeightSizes.of(kernels::packedBytes, spec, weights));
    }

    /** A cache of one full context, less than which {@link #open} refuses, in bytes. */
    public static long leastCacheBytes(ModelSpec spec, MemoryBudget budget) {
        return MemoryPlan.leastCacheBytes(groups(spec, budget));
    }

    /** Cached keys and values of one position over all layers, in bytes. */
    public static long cacheBytesPerToken(ModelSpec spec, KvFormat format) {
        return MemoryPlan.tokenBytes(spec, format, CpuKernels::cacheBlockBytes);
    }

    private static List<GroupBlocks> groups(ModelSpec spec, MemoryBudget budget) {
        return MemoryPlan.groups(spec, budget, CpuKernels::cacheBlockBytes);
    }

    private static MemoryPlan plan(CpuKernels kernels, int workers, ModelSpec spec,
            MemoryBudget budget) {
        List<GroupBlocks> groups = groups(spec, budget);
        long bufferBytes = CpuBuffers.bytes(kernels, spec, budget, workers)
                + CpuTransformer.attentionBytes(spec, budget, workers)
                + RotaryTable.bytes(spec, budget.contextTokens())
                + CpuAdapters.bufferBytes(spec, budget)
                + BatchRules.scratchBytes(MemoryPlan.mostBlocks(groups))
                + workers * kernels.scratchBytes(WeightSizes.widestColumns(spec));
        return new MemoryPlan(spec.name(), budget.totalBytes(), bufferBytes,
                budget.adapterBytes(), groups);
    }

    @Override
    public long adapterBytes(ModelSpec spec, Weights weights, LoraAdapter adapter,
            int stepTokens) {
        return AdapterPacker.bytes(kernels, spec, stepTokens, adapter);
    }

    @Override
    public ForwardPass open(ModelSpec spec, Weights weights, MemoryBudget budget) {
        return openPass(spec, weights, budget);
    }

    CpuForwardPass openPass(ModelSpec spec, Weights weights, MemoryBudget budget) {
        long startNanos = System.nanoTime();
        MemoryPlan plan = plan(kernels, pool.workers(), spec, budget);
        CpuForwardPass pass;
        try {
            pass = place(spec, weights, budget, plan);
        } catch (OutOfMemoryError e) {
            throw new BackendException("memory ran out while " + spec.name()
                    + " was being opened: buffers take " + plan.bufferBytes()
                    + " bytes of a Java heap of at most " + Runtime.getRuntime().maxMemory()
                    + ", weights and cache take the rest of " + budget.totalBytes()
                    + " beside it; lower the memory limit or the tokens in one step", e);
        }
        long loadedNanos = System.nanoTime();
        try {
            WarmUp.run(pass, budget, kernels.isCompiledAhead(), warmUpLimit);
            pass.opened(new OpenTimes(loadedNanos - startNanos,
                    System.nanoTime() - loadedNanos));
        } catch (RuntimeException | Error e) {
            pass.close();
            throw e;
        }
        return pass;
    }

    private CpuForwardPass place(ModelSpec spec, Weights weights, MemoryBudget budget,
            MemoryPlan plan) {
        long limitBytes = plan.weightLimitBytes();
        KeptWeights kept = KeptWeights.open(folder, kernels, weights, pool);
        CpuWeights packed = null;
        try {
            packed = new WeightPacker(kernels, pool, spec, weights, limitBytes, kept)
                    .pack(RotaryTable.all(spec, budget.contextTokens()));
            return new CpuForwardPass(spec, kernels, pool, packed, kept, plan, budget);
        } catch (RuntimeException | Error e) {
            if (packed != null) {
                packed.close();
            }
            kept.close();
            throw e;
        }
    }
}
