package dev.millrace.server.wiring;

import dev.millrace.engine.Speculation;
import dev.millrace.engine.cuda.CudaBackend;
import dev.millrace.engine.forward.Backend;
import dev.millrace.engine.forward.ForwardPass.DeviceMemory;
import dev.millrace.engine.forward.MemoryBudget;
import dev.millrace.kernels.KvFormat;
import dev.millrace.kernels.QuantFormat;
import dev.millrace.kernels.WorkerPool;
import dev.millrace.kernels.cuda.CudaDeviceInfo;
import dev.millrace.kernels.cuda.CudaMatrix;
import dev.millrace.models.ModelSpec;
import dev.millrace.models.Weights;
import java.time.Duration;
import java.util.Optional;

/**
 * An NVIDIA GPU.
 *
 * @param image       the kernels, compiled for it
 * @param hostKernels to sample with
 */
record GpuDevice(CudaDeviceInfo info, byte[] image, KernelChoice hostKernels)
        implements
            ServingDevice {

    /** Of the device's memory where no limit was given: the driver and others take some. */
    private static final double USUAL_MEMORY_SHARE = 0.9;

    /**
     * Eight rows go through the tensor cores as one does, and the weights are read once: guessing
     * costs what attention and sampling of the guesses cost, which was not measured yet.
     */
    private static final Speculation SPECULATION = new Speculation(7, 8, 0.05);

    @Override
    public String description() {
        return CudaBackend.description(info);
    }

    @Override
    public Optional<String> remark() {
        return Optional.empty();
    }

    @Override
    public long usualMemoryBytes() {
        return (long) (info.memoryBytes() * USUAL_MEMORY_SHARE);
    }

    @Override
    public DeviceMemory memoryNeeded(ModelSpec spec, Weights weights, MemoryBudget budget) {
        return CudaBackend.memoryNeeded(spec, weights, budget);
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
        return new CudaBackend(info, image, hostKernels.kernels(), pool, true);
    }
}
