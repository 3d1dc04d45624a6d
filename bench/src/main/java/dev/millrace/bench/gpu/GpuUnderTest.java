package dev.millrace.bench.gpu;

import dev.millrace.bench.BenchException;
import dev.millrace.engine.cuda.CudaBackend;
import dev.millrace.engine.cuda.CudaSettings;
import dev.millrace.engine.cuda.ShardedBackend;
import dev.millrace.engine.forward.Backend;
import dev.millrace.engine.forward.BackendException;
import dev.millrace.kernels.KernelException;
import dev.millrace.kernels.WorkerPool;
import dev.millrace.kernels.cpu.CpuKernels;
import dev.millrace.kernels.cuda.CudaDeviceInfo;
import dev.millrace.kernels.cuda.CudaProbe.Finding;
import dev.millrace.kernels.cuda.ExchangeProbe;
import dev.millrace.kernels.cuda.Nccl;
import dev.millrace.server.config.GpuSettings;
import dev.millrace.server.wiring.GpuChoice;
import java.util.List;
import java.util.function.Function;
import java.util.function.Supplier;

/**
 * The device that is measured, or those that share what is measured.
 *
 * @param devices one or more, of one compute capability
 * @param image   the kernels, compiled for them
 */
record GpuUnderTest(List<CudaDeviceInfo> devices, byte[] image) {

    /** How the stand-in for a driver that tests run on calls its devices. */
    private static final String EMULATED = "emulated";

    GpuUnderTest {
        devices = List.copyOf(devices);
    }

    /**
     * @param probe    looks for devices
     * @param images   finds their kernels
     * @param settings which of them, and how many are to share a model
     * @throws BenchException if nothing can be measured; says why and what to do
     */
    static GpuUnderTest find(Supplier<Finding> probe, Function<CudaDeviceInfo, byte[]> images,
            GpuSettings settings) {
        Finding finding = probe.get();
        if (finding.devices().isEmpty()) {
            throw new BenchException("bench gpu measures an NVIDIA GPU, and " + finding.reason()
                    + "; " + finding.advice());
        }
        try {
            GpuChoice choice = new GpuChoice(settings, true);
            List<CudaDeviceInfo> devices = choice.groups(choice.allowed(finding.devices()),
                    Nccl::load).getFirst();
            return new GpuUnderTest(devices, images.apply(devices.getFirst()));
        } catch (BackendException e) {
            throw new BenchException(e.getMessage(), e);
        } catch (KernelException e) {
            throw new BenchException("bench gpu has no kernels to run: " + e.getMessage(), e);
        }
    }

    /** The first of them. */
    CudaDeviceInfo info() {
        return devices.getFirst();
    }

    int count() {
        return devices.size();
    }

    /** What is measured, in words. */
    String description(CudaSettings settings) {
        return count() == 1
                ? info().description()
                : ShardedBackend.description(devices, settings.activations());
    }

    /** Of all of them together, as much as of the smallest of each. */
    long memoryBytes() {
        return count() * devices.stream().mapToLong(CudaDeviceInfo::memoryBytes).min()
                .orElseThrow();
    }

    /** Whether its figures are no speeds. */
    boolean emulated() {
        return info().name().startsWith(EMULATED);
    }

    /** What runs models on it. */
    Backend backend(CpuKernels hostKernels, WorkerPool pool, CudaSettings settings) {
        return count() == 1
                ? new CudaBackend(info(), image, hostKernels, pool, settings)
                : new ShardedBackend(devices, image, Nccl::load, hostKernels, pool, settings);
    }

    /** What tells the time of exchanges between several. */
    ExchangeProbe exchanges(long mostFloats) {
        return new ExchangeProbe(devices, image, Nccl.load(), mostFloats);
    }
}
