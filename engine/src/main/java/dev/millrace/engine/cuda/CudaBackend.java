package dev.millrace.engine.cuda;

import dev.millrace.engine.forward.Backend;
import dev.millrace.engine.forward.BackendException;
import dev.millrace.engine.forward.CacheGeometry;
import dev.millrace.engine.forward.CacheGeometry.LayerGroup;
import dev.millrace.engine.forward.ForwardPass;
import dev.millrace.engine.forward.ForwardPass.DeviceMemory;
import dev.millrace.engine.forward.MemoryBudget;
import dev.millrace.engine.forward.MemoryPlan;
import dev.millrace.engine.forward.MemoryPlan.GroupBlocks;
import dev.millrace.engine.forward.WeightSizes;
import dev.millrace.kernels.KernelException;
import dev.millrace.kernels.KvFormat;
import dev.millrace.kernels.WorkerPool;
import dev.millrace.kernels.cpu.CpuKernels;
import dev.millrace.kernels.cuda.CudaCache;
import dev.millrace.kernels.cuda.CudaDevice;
import dev.millrace.kernels.cuda.CudaDeviceInfo;
import dev.millrace.kernels.cuda.CudaKernels;
import dev.millrace.kernels.cuda.CudaMatrix;
import dev.millrace.kernels.cuda.CudaMemoryException;
import dev.millrace.models.ModelSpec;
import dev.millrace.models.Weights;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Objects;
import java.util.Optional;

/** Runs models on an NVIDIA GPU. Borrows the pool and the processor's kernels; closes neither. */
public final class CudaBackend implements Backend {

    /**
     * Logits are computed for this many bytes of positions at a time: enough for the output matrix
     * to be read once for many positions, little beside the weights.
     */
    private static final long LOGIT_BYTES = 128L << 20;
    /** Most pinned memory that weights are copied through. */
    private static final long STAGING_BYTES = 64L << 20;
    private static final long LEAST_STAGING_BYTES = 1L << 20;

    private final CudaDeviceInfo info;
    private final byte[] image;
    private final CpuKernels hostKernels;
    private final WorkerPool pool;
    private final boolean graphs;
    private final long logitBytes;

    /**
     * @param image       the kernels, compiled for the device
     * @param hostKernels to sample with
     * @param pool        to pack weights and to sample
     * @param graphs      whether steps are captured and launched as one; kernel by kernel otherwise
     */
    public CudaBackend(CudaDeviceInfo info, byte[] image, CpuKernels hostKernels, WorkerPool pool,
            boolean graphs) {
        this(info, image, hostKernels, pool, graphs, LOGIT_BYTES);
    }

    CudaBackend(CudaDeviceInfo info, byte[] image, CpuKernels hostKernels, WorkerPool pool,
            boolean graphs, long logitBytes) {
        this.info = Objects.requireNonNull(info, "info");
        this.image = image.clone();
        this.hostKernels = Objects.requireNonNull(hostKernels, "hostKernels");
        this.pool = Objects.requireNonNull(pool, "pool");
        this.graphs = graphs;
        this.logitBytes = logitBytes;
    }

    @Override
    public String name() {
        return "cuda";
    }

    @Override
    public String description() {
        return description(info);
    }

    /** What a device is called. */
    public static String description(CudaDeviceInfo info) {
        return "cuda: " + info.description();
    }

    /**
     * The memory that {@link #open} takes on a device where the budget is no limit; reads no
     * weights.
     */
    public static DeviceMemory memoryNeeded(ModelSpec spec, Weights weights,
            MemoryBudget budget) {
        return plan(spec, budget, LOGIT_BYTES)
                .full(WeightSizes.of(CudaMatrix::bytes, spec, weights));
    }

    /** A cache of one full context, less than which {@link #open} refuses, in bytes. */
    public static long leastCacheBytes(ModelSpec spec, MemoryBudget budget) {
        return MemoryPlan.leastCacheBytes(groups(spec, budget));
    }

    /** Cached keys and values of one position over all layers, in bytes. */
    public static long cacheBytesPerToken(ModelSpec spec, KvFormat format) {
        return MemoryPlan.tokenBytes(spec, format, CudaBackend::blockBytes);
    }

    private static long blockBytes(KvFormat format, int layers, int kvHeads, int headSize,
            int blockTokens) {
        return CudaCache.blockBytes(format, layers, kvHeads, headSize);
    }

    private static List<GroupBlocks> groups(ModelSpec spec, MemoryBudget budget) {
        return MemoryPlan.groups(spec, budget, CudaBackend::blockBytes);
    }

    private static MemoryPlan plan(ModelSpec spec, MemoryBudget budget, long logitBytes) {
        List<GroupBlocks> groups = groups(spec, budget);
        return new MemoryPlan(spec.name(), budget.totalBytes(),
                CudaBuffers.bytes(spec, budget, groups.size(), logitBytes)
                        + CudaWeightLoader.tableBytes(spec, budget.contextTokens()),
                budget.adapterBytes(), groups);
    }

    @Override
    public ForwardPass open(ModelSpec spec, Weights weights, MemoryBudget budget) {
        MemoryPlan plan = plan(spec, budget, logitBytes);
        WeightSizes sizes = WeightSizes.of(CudaMatrix::bytes, spec, weights);
        if (sizes.bytes() > plan.weightLimitBytes()) {
            throw new BackendException("the weights of " + spec.name() + " take " + sizes.bytes()
                    + " bytes on the " + info.name() + ", and the memory limit of "
                    + budget.totalBytes() + " leaves " + plan.weightLimitBytes()
                    + " for them; raise the memory limit or use a smaller quantisation");
        }
        try {
            CudaDevice device = CudaDevice.open(info, image);
            try {
                return place(device, spec, weights, budget, plan, sizes);
            } catch (RuntimeException | Error e) {
                device.close();
                throw e;
            }
        } catch (CudaMemoryException e) {
            throw new BackendException(e.getMessage() + " for " + spec.name()
                    + "; lower the memory limit below what is free (see nvidia-smi)", e);
        } catch (KernelException e) {
            throw new BackendException(e.getMessage(), e);
        }
    }

    private ForwardPass place(CudaDevice device, ModelSpec spec, Weights weights,
            MemoryBudget budget, MemoryPlan plan, WeightSizes sizes) {
        long startNanos = System.nanoTime();
        CudaKernels kernels = new CudaKernels(device);
        List<LayerGroup> groups = plan.layerGroups(sizes.bytes());
        CacheGeometry geometry = new CacheGeometry(MemoryPlan.BLOCK_TOKENS, groups);
        long vectorBytes = WeightSizes.of((format, shape) -> 0, spec, weights).bytes();
        long weightAddress = device.allocate(sizes.bytes());
        long bufferAddress = device.allocate(plan.bufferBytes());
        CudaCaches caches = new CudaCaches(device, spec, budget.cacheFormat(),
                plan.groups().stream().map(GroupBlocks::layers).toList(), groups);
        DeviceLayout layout = new DeviceLayout(bufferAddress);
        CudaBuffers buffers = new CudaBuffers(spec, budget, groups.size(), logitBytes, layout);
        MemorySegment staging = device.pin(Math.clamp(sizes.bytes(), LEAST_STAGING_BYTES,
                STAGING_BYTES));
        CudaWeights loaded = new CudaWeightLoader(kernels, pool, spec, weights, buffers, staging,
                weightAddress, weightAddress + sizes.bytes() - vectorBytes,
                bufferAddress + layout.taken()).load(budget.contextTokens());
        device.unpin(staging);
        StepInputs inputs = new StepInputs(device, buffers.inputs, budget, groups.size());
        CudaOutputs outputs = new CudaOutputs(spec, kernels, hostKernels, pool, loaded, buffers,
                inputs, budget.stepTokens());
        DeviceMemory memory = new DeviceMemory(sizes.bytes(), sizes.stepBytes(),
                geometry.totalBytes(), plan.bufferBytes(), budget.adapterBytes());
        device.synchronize();
        Optional<StepBuckets> buckets = graphs
                ? Optional.of(new StepBuckets(budget, buffers.logitRows))
                : Optional.empty();
        return new CudaForwardPass(device, new CudaForwardPass.Parts(geometry, memory,
                System.nanoTime() - startNanos, inputs, caches,
                new CudaTransformer(spec, kernels, loaded, caches, buffers, inputs), outputs,
                buckets), budget, spec.vocabularySize());
    }
}
