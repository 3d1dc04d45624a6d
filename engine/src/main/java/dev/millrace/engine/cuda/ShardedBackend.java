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
import dev.millrace.kernels.WorkerPool;
import dev.millrace.kernels.cpu.CpuKernels;
import dev.millrace.kernels.cuda.CudaActivations;
import dev.millrace.kernels.cuda.CudaDevice;
import dev.millrace.kernels.cuda.CudaDeviceInfo;
import dev.millrace.kernels.cuda.CudaLostException;
import dev.millrace.kernels.cuda.CudaMemoryException;
import dev.millrace.kernels.cuda.DeviceGroup;
import dev.millrace.kernels.cuda.Nccl;
import dev.millrace.models.LoraAdapter;
import dev.millrace.models.ModelSpec;
import dev.millrace.models.Weights;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.Supplier;
import java.util.stream.IntStream;

/**
 * Runs a model on several NVIDIA GPUs of one kind that share its heads and networks (tensor
 * parallel). A budget's bytes are those of all GPUs together, of which each takes the same share.
 * Borrows the pool and the processor's kernels; closes neither.
 */
public final class ShardedBackend implements Backend {

    private static final long LOGIT_BYTES = 128L << 20;
    /** Of a device that computes no logits. */
    private static final long NO_LOGIT_BYTES = 1;

    private final List<CudaDeviceInfo> devices;
    private final byte[] image;
    private final Supplier<Nccl> nccl;
    private final CpuKernels hostKernels;
    private final WorkerPool pool;
    private final CudaSettings settings;
    private final long logitBytes;

    /**
     * @param devices     two or more, all of the same compute capability
     * @param image       the kernels, compiled for them
     * @param nccl        finds the library when a model is opened
     * @param hostKernels to sample with
     * @param pool        to pack weights and to sample
     * @param settings    how models run on them
     */
    public ShardedBackend(List<CudaDeviceInfo> devices, byte[] image, Supplier<Nccl> nccl,
            CpuKernels hostKernels, WorkerPool pool, CudaSettings settings) {
        this(devices, image, nccl, hostKernels, pool, settings, LOGIT_BYTES);
    }

    ShardedBackend(List<CudaDeviceInfo> devices, byte[] image, Supplier<Nccl> nccl,
            CpuKernels hostKernels, WorkerPool pool, CudaSettings settings, long logitBytes) {
        this.devices = List.copyOf(devices);
        this.image = image.clone();
        this.nccl = Objects.requireNonNull(nccl, "nccl");
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
        return description(devices, settings.activations());
    }

    /** What devices that share a model are called. */
    public static String description(List<CudaDeviceInfo> devices,
            CudaActivations activations) {
        return CudaBackend.description(devices.getFirst(), activations) + "; " + devices.size()
                + " GPUs share the model (" + String.join(", ", devices.stream()
                        .map(device -> Integer.toString(device.handle())).toList())
                + ")";
    }

    /**
     * The memory that {@link #open} takes on all devices together where the budget is no limit;
     * reads no weights.
     *
     * @throws BackendException if the model cannot be shared out among so many
     */
    public static DeviceMemory memoryNeeded(ModelSpec spec, Weights weights, MemoryBudget budget,
            int devices, CudaSettings settings) {
        return deviceMemories(spec, weights, budget, devices, settings).stream()
                .reduce(DeviceMemory::plus).orElseThrow();
    }

    /** The same of each device. */
    public static List<DeviceMemory> deviceMemories(ModelSpec spec, Weights weights,
            MemoryBudget budget, int devices, CudaSettings settings) {
        return shares(spec, weights, budget, devices, LOGIT_BYTES, settings).stream()
                .map(share -> share.plan().full(share.sizes())).toList();
    }

    /**
     * The least that the device with the largest share must have: weights, buffers and one full
     * context, in bytes.
     *
     * @throws BackendException if the model cannot be shared out among so many
     */
    public static long leastDeviceBytes(ModelSpec spec, Weights weights, MemoryBudget budget,
            int devices, CudaSettings settings) {
        return shares(spec, weights, budget, devices, LOGIT_BYTES, settings).stream()
                .mapToLong(share -> share.sizes().bytes() + share.plan().bufferBytes()
                        + CudaBackend.leastCacheBytes(share.spec(), share.budget()))
                .max().orElseThrow();
    }

    private static List<Share> shares(ModelSpec spec, Weights weights, MemoryBudget budget,
            int devices, long logitBytes, CudaSettings settings) {
        ShardSplit split = new ShardSplit(spec, weights, devices);
        MemoryBudget each = new MemoryBudget(Math.max(1, budget.totalBytes() / devices),
                budget.contextTokens(), budget.sequences(), budget.stepTokens(),
                budget.cacheFormat())
                .withAdapterBytes(Math.ceilDiv(budget.adapterBytes(), devices));
        return IntStream.range(0, devices)
                .mapToObj(device -> new Share(split.shard(device), spec, devices,
                        new ShardWeights(weights, split, device), each,
                        device == 0 ? logitBytes : NO_LOGIT_BYTES, settings,
                        new AdapterShare(split, device)))
                .toList();
    }

    /** What is set aside is divided equally: as much for every device as one takes at most. */
    @Override
    public long adapterBytes(ModelSpec spec, Weights weights, LoraAdapter adapter,
            int stepTokens) {
        ShardSplit split = new ShardSplit(spec, weights, devices.size());
        return devices.size() * IntStream.range(0, devices.size())
                .mapToLong(device -> CudaAdapters.bytes(split.shard(device), stepTokens, adapter,
                        new AdapterShare(split, device)))
                .max().orElseThrow();
    }

    @Override
    public ForwardPass open(ModelSpec spec, Weights weights, MemoryBudget budget) {
        List<Share> shares = shares(spec, weights, budget, devices.size(), logitBytes,
                settings);
        List<List<LayerGroup>> fitting = new ArrayList<>();
        for (int i = 0; i < shares.size(); i++) {
            fitting.add(fitting(shares.get(i), devices.get(i)));
        }
        List<CudaDevice> opened = new ArrayList<>();
        try {
            DeviceGroup group = null;
            try {
                for (CudaDeviceInfo device : devices) {
                    opened.add(CudaDevice.open(device, image));
                }
                group = new DeviceGroup(nccl.get(), opened);
                return place(opened, group, shares, fitting);
            } catch (RuntimeException | Error e) {
                if (group != null) {
                    group.close();
                }
                opened.forEach(CudaDevice::close);
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

    /** Groups of layers, with the blocks that a device has room for. */
    private static List<LayerGroup> fitting(Share share, CudaDeviceInfo device) {
        MemoryPlan plan = share.plan();
        long bytes = share.sizes().bytes();
        if (bytes > plan.weightLimitBytes()) {
            throw new BackendException("of the weights of " + share.whole().name() + ", " + bytes
                    + " bytes go to GPU " + device.handle() + " (" + device.name()
                    + "), and its share of the memory limit, " + plan.totalBytes() + ", leaves "
                    + plan.weightLimitBytes() + " for them; raise the memory limit, use more GPUs"
                    + " or a smaller quantisation");
        }
        return plan.layerGroups(bytes);
    }

    private ForwardPass place(List<CudaDevice> opened, DeviceGroup group, List<Share> shares,
            List<List<LayerGroup>> fitting) {
        long startNanos = System.nanoTime();
        List<PlacedModel> placed = new ArrayList<>();
        DeviceMemory memory = new DeviceMemory(0, 0, 0, 0);
        for (int i = 0; i < opened.size(); i++) {
            opened.get(i).makeCurrent();
            if (settings.launches() == CudaLaunches.OVERLAPPED) {
                opened.get(i).overlapKernels();
            }
            List<LayerGroup> groups = common(fitting, i);
            placed.add(PlacedModel.place(opened.get(i), shares.get(i), groups, pool));
            WeightSizes sizes = shares.get(i).sizes();
            memory = memory.plus(new DeviceMemory(sizes.bytes(), sizes.stepBytes(),
                    new CacheGeometry(MemoryPlan.BLOCK_TOKENS, groups).totalBytes(),
                    shares.get(i).plan().bufferBytes(),
                    shares.get(i).budget().adapterBytes()));
        }
        PlacedModel first = placed.getFirst();
        first.device().makeCurrent();
        ModelSpec whole = shares.getFirst().whole();
        MemoryBudget budget = shares.getFirst().budget();
        CudaOutputs outputs = new CudaOutputs(whole, first.kernels(), hostKernels, pool,
                first.weights(), first.buffers(), first.inputs(), budget.stepTokens());
        ShardedWalk walk = new ShardedWalk(placed, group, whole);
        walk.connect(budget.stepTokens());
        first.device().synchronize();
        return new CudaForwardPass(placed, new CudaForwardPass.Parts(
                new CacheGeometry(MemoryPlan.BLOCK_TOKENS, together(fitting)), memory,
                System.nanoTime() - startNanos, walk, outputs), budget, settings,
                whole.vocabularySize());
    }

    /** A device's groups with as many blocks as every device has room for. */
    private static List<LayerGroup> common(List<List<LayerGroup>> fitting, int device) {
        return IntStream.range(0, fitting.getFirst().size()).mapToObj(group -> {
            LayerGroup own = fitting.get(device).get(group);
            int blocks = fitting.stream().mapToInt(each -> each.get(group).blocks()).min()
                    .orElseThrow();
            return new LayerGroup(own.layers(), own.windowTokens(), blocks, own.swapBlocks(),
                    own.blockBytes());
        }).toList();
    }

    /** The groups as a scheduler sees them: a block is one of every device. */
    private static List<LayerGroup> together(List<List<LayerGroup>> fitting) {
        return IntStream.range(0, fitting.getFirst().size()).mapToObj(group -> {
            LayerGroup own = common(fitting, 0).get(group);
            long bytes = fitting.stream().mapToLong(each -> each.get(group).blockBytes()).sum();
            return new LayerGroup(own.layers(), own.windowTokens(), own.blocks(),
                    own.swapBlocks(), bytes);
        }).toList();
    }
}
