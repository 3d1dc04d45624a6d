package dev.millrace.engine.cuda;

import dev.millrace.engine.cuda.PlacedModel.Share;
import dev.millrace.engine.forward.Backend;
import dev.millrace.engine.forward.BackendException;
import dev.millrace.engine.forward.CacheGeometry;
import dev.millrace.engine.forward.CacheGeometry.LayerGroup;
import dev.millrace.engine.forward.DeviceLostException;
import dev.millrace.engine.forward.ForwardPass;
import dev.millrace.engine.forward.ForwardPass.DeviceMemory;
import dev.millrace.engine.forward.MemoryBudget;
import dev.millrace.engine.forward.MemoryPlan;
import dev.millrace.engine.forward.WeightSizes;
import dev.millrace.kernels.KernelException;
import dev.millrace.kernels.KvFormat;
import dev.millrace.kernels.WorkerPool;
import dev.millrace.kernels.cpu.CpuKernels;
import dev.millrace.kernels.cuda.CudaActivations;
import dev.millrace.kernels.cuda.CudaCache;
import dev.millrace.kernels.cuda.CudaDevice;
import dev.millrace.kernels.cuda.CudaDeviceInfo;
import dev.millrace.kernels.cuda.CudaLostException;
import dev.millrace.kernels.cuda.CudaMemoryException;
import dev.millrace.models.LoraAdapter;
import dev.millrace.models.ModelSpec;
import dev.millrace.models.Weights;
import java.util.List;
import java.util.Objects;

/** Runs models on an NVIDIA GPU. Borrows the pool and the processor's kernels; closes neither. */
public final class CudaBackend implements Backend {

    /**
     * Logits are computed for this many bytes of positions at a time: enough for the output matrix
     * to be read once for many positions, little beside the weights.
     */
    private static final long LOGIT_BYTES = 128L << 20;

    private final CudaDeviceInfo info;
    private final byte[] image;
    private final CpuKernels hostKernels;
    private final WorkerPool pool;
    private final CudaSettings settings;
    private final long logitBytes;

    /**
     * @param image       the kernels, compiled for the device
     * @param hostKernels to sample with
     * @param pool        to pack weights and to sample
     */
    public CudaBackend(CudaDeviceInfo info, byte[] image, CpuKernels hostKernels, WorkerPool pool,
            CudaSettings settings) {
        this(info, image, hostKernels, pool, settings, LOGIT_BYTES);
    }

    CudaBackend(CudaDeviceInfo info, byte[] image, CpuKernels hostKernels, WorkerPool pool,
            CudaSettings settings, long logitBytes) {
        this.info = Objects.requireNonNull(info, "info");
        this.image = image.clone();
        this.hostKernels = Objects.requireNonNull(hostKernels, "hostKernels");
        this.pool = Objects.requireNonNull(pool, "pool");
        this.settings = Objects.requireNonNull(settings, "settings");
        this.logitBytes = logitBytes;
    }

    @Override
    public String name() {
        return "cuda";
    }

    @Override
    public String description() {
        return description(info, settings.activations());
    }

    /** What a device is called, and what it rounds to. */
    public static String description(CudaDeviceInfo info, CudaActivations activations) {
        return "cuda: " + info.description() + ", activations " + activations.label();
    }

    /**
     * The memory that {@link #open} takes on a device where the budget is no limit; reads no
     * weights.
     */
    public static DeviceMemory memoryNeeded(ModelSpec spec, Weights weights,
            MemoryBudget budget, CudaSettings settings) {
        Share share = Share.whole(spec, weights, budget, LOGIT_BYTES, settings);
        return share.plan().full(share.sizes());
    }

    /** A cache of one full context, less than which {@link #open} refuses, in bytes. */
    public static long leastCacheBytes(ModelSpec spec, MemoryBudget budget) {
        return MemoryPlan.leastCacheBytes(
                MemoryPlan.groups(spec, budget, CudaBackend::blockBytes));
    }

    /** Cached keys and values of one position over all layers, in bytes. */
    public static long cacheBytesPerToken(ModelSpec spec, KvFormat format) {
        return MemoryPlan.tokenBytes(spec, format, CudaBackend::blockBytes);
    }

    static long blockBytes(KvFormat format, int layers, int kvHeads, int headSize,
            int blockTokens) {
        return CudaCache.blockBytes(format, layers, kvHeads, headSize);
    }

    @Override
    public long adapterBytes(ModelSpec spec, Weights weights, LoraAdapter adapter,
            int stepTokens) {
        return CudaAdapters.bytes(spec, stepTokens, adapter, AdapterShare.WHOLE);
    }

    @Override
    public ForwardPass open(ModelSpec spec, Weights weights, MemoryBudget budget) {
        Share share = Share.whole(spec, weights, budget, logitBytes, settings);
        MemoryPlan plan = share.plan();
        WeightSizes sizes = share.sizes();
        if (sizes.bytes() > plan.weightLimitBytes()) {
            throw new BackendException("the weights of " + spec.name() + " take " + sizes.bytes()
                    + " bytes on the " + info.name() + ", and the memory limit of "
                    + budget.totalBytes() + " leaves " + plan.weightLimitBytes()
                    + " for them; raise the memory limit or use a smaller quantisation");
        }
        try {
            CudaDevice device = CudaDevice.open(info, image);
            try {
                return place(device, share, plan, sizes);
            } catch (RuntimeException | Error e) {
                device.close();
                throw e;
            }
        } catch (CudaMemoryException e) {
            throw new BackendException(e.getMessage() + " for " + spec.name()
                    + "; lower the memory limit below what is free (see nvidia-smi)", e);
        } catch (CudaLostException e) {
            throw new DeviceLostException(e.getMessage(), e);
        } catch (KernelException e) {
            throw new BackendException(e.getMessage(), e);
        }
    }

    private ForwardPass place(CudaDevice device, Share share, MemoryPlan plan,
            WeightSizes sizes) {
        long startNanos = System.nanoTime();
        if (settings.launches() == CudaLaunches.OVERLAPPED) {
            device.overlapKernels();
        }
        ModelSpec spec = share.spec();
        MemoryBudget budget = share.budget();
        List<LayerGroup> groups = plan.layerGroups(sizes.bytes());
        CacheGeometry geometry = new CacheGeometry(MemoryPlan.BLOCK_TOKENS, groups);
        PlacedModel placed = PlacedModel.place(device, share, groups, pool);
        CudaOutputs outputs = new CudaOutputs(spec, placed.kernels(), hostKernels, pool,
                placed.weights(), placed.buffers(), placed.inputs(), budget.stepTokens());
        DeviceMemory memory = new DeviceMemory(sizes.bytes(), sizes.stepBytes(),
                geometry.totalBytes(), plan.bufferBytes(), budget.adapterBytes());
        device.synchronize();
        return new CudaForwardPass(List.of(placed), new CudaForwardPass.Parts(geometry, memory,
                System.nanoTime() - startNanos, new SingleWalk(placed), outputs), budget, settings,
                spec.vocabularySize());
    }
}
