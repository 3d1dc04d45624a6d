package dev.millrace.server.wiring;

import dev.millrace.engine.Speculation;
import dev.millrace.engine.cuda.CudaBackend;
import dev.millrace.engine.cuda.CudaSettings;
import dev.millrace.engine.cuda.ShardedBackend;
import dev.millrace.engine.forward.Backend;
import dev.millrace.engine.forward.ForwardPass.DeviceMemory;
import dev.millrace.engine.forward.MemoryBudget;
import dev.millrace.kernels.KvFormat;
import dev.millrace.kernels.QuantFormat;
import dev.millrace.kernels.WorkerPool;
import dev.millrace.kernels.cuda.CudaActivations;
import dev.millrace.kernels.cuda.CudaDeviceInfo;
import dev.millrace.kernels.cuda.CudaMatrix;
import dev.millrace.kernels.cuda.Nccl;
import dev.millrace.models.ModelSpec;
import dev.millrace.models.Weights;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * An NVIDIA GPU, or several that share models.
 *
 * @param devices     one or more, of one compute capability
 * @param image       the kernels, compiled for them
 * @param hostKernels to sample with
 * @param settings    how models run on them
 * @param remark      what the start is to say about it
 */
record GpuDevice(List<CudaDeviceInfo> devices, byte[] image, KernelChoice hostKernels,
        CudaSettings settings, Optional<String> remark)
        implements
            ServingDevice {

    /** Of the devices' memory where no limit was given: the driver and others take some. */
    private static final double USUAL_MEMORY_SHARE = 0.9;

    /**
     * Eight rows go through the tensor cores as one does, and the weights are read once: guessing
     * costs what attention and sampling of the guesses cost, which was not measured yet.
     */
    private static final Speculation SPECULATION = new Speculation(7, 8, 0.05);

    GpuDevice {
        devices = List.copyOf(devices);
    }

    private CudaDeviceInfo first() {
        return devices.getFirst();
    }

    private CudaActivations activations() {
        return settings.activations();
    }

    private boolean alone() {
        return devices.size() == 1;
    }

    @Override
    public String description() {
        return alone()
                ? CudaBackend.description(first(), activations())
                : ShardedBackend.description(devices, activations());
    }

    /** Their numbers, in words. */
    String places() {
        return devices.stream().map(device -> Integer.toString(device.handle()))
                .collect(Collectors.joining(" and "));
    }

    /** Of the smallest device. */
    long deviceBytes() {
        return devices.stream().mapToLong(CudaDeviceInfo::memoryBytes).min().orElseThrow();
    }

    @Override
    public long usualMemoryBytes() {
        return (long) (deviceBytes() * USUAL_MEMORY_SHARE) * devices.size();
    }

    @Override
    public DeviceMemory memoryNeeded(ModelSpec spec, Weights weights, MemoryBudget budget) {
        return alone()
                ? CudaBackend.memoryNeeded(spec, weights, budget, settings)
                : ShardedBackend.memoryNeeded(spec, weights, budget, devices.size(), settings);
    }

    @Override
    public List<Long> sharesNeeded(ModelSpec spec, Weights weights, MemoryBudget budget) {
        return alone()
                ? List.of()
                : ShardedBackend.deviceMemories(spec, weights, budget, devices.size(), settings)
                        .stream().map(DeviceMemory::totalBytes).toList();
    }

    /** The least that each device must have for a model, in bytes. */
    long leastDeviceBytes(ModelSpec spec, Weights weights, MemoryBudget budget) {
        return ShardedBackend.leastDeviceBytes(spec, weights, budget, devices.size(), settings);
    }

    @Override
    public long leastCacheBytes(ModelSpec spec, MemoryBudget budget) {
        return CudaBackend.leastCacheBytes(spec, budget);
    }

    @Override
    public long cacheBytesPerToken(ModelSpec spec, KvFormat format) {
        return CudaBackend.cacheBytesPerToken(spec, format);
    }

    @Override
    public String packedForm(QuantFormat format) {
        return CudaMatrix.form(format);
    }

    @Override
    public Speculation speculation() {
        return SPECULATION;
    }

    @Override
    public Backend backend(WorkerPool pool, Duration warmUp) {
        return alone()
                ? new CudaBackend(first(), image, hostKernels.kernels(), pool, settings)
                : new ShardedBackend(devices, image, Nccl::load, hostKernels.kernels(), pool,
                        settings);
    }
}
