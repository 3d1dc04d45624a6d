package dev.millrace.bench.gpu;

import dev.millrace.bench.BenchException;
import dev.millrace.engine.cuda.CudaBackend;
import dev.millrace.engine.cuda.CudaSettings;
import dev.millrace.engine.forward.Backend;
import dev.millrace.kernels.KernelException;
import dev.millrace.kernels.WorkerPool;
import dev.millrace.kernels.cpu.CpuKernels;
import dev.millrace.kernels.cuda.CudaDeviceInfo;
import dev.millrace.kernels.cuda.CudaProbe.Finding;
import java.util.function.Function;
import java.util.function.Supplier;

/**
 * The device that is measured.
 *
 * @param image the kernels, compiled for it
 */
record GpuUnderTest(CudaDeviceInfo info, byte[] image) {

    /** How the stand-in for a driver that tests run on calls its devices. */
    private static final String EMULATED = "emulated";

    /**
     * @param probe  looks for a device
     * @param images finds its kernels
     * @throws BenchException if nothing can be measured; says why and what to do
     */
    static GpuUnderTest find(Supplier<Finding> probe, Function<CudaDeviceInfo, byte[]> images) {
        Finding finding = probe.get();
        CudaDeviceInfo info = finding.device().orElseThrow(() -> new BenchException(
                "bench gpu measures an NVIDIA GPU, and " + finding.reason() + "; "
                        + finding.advice()));
        try {
            return new GpuUnderTest(info, images.apply(info));
        } catch (KernelException e) {
            throw new BenchException("bench gpu has no kernels to run: " + e.getMessage(), e);
        }
    }

    /** Whether its figures are no speeds. */
    boolean emulated() {
        return info.name().startsWith(EMULATED);
    }

    /** What runs models on it. */
    Backend backend(CpuKernels hostKernels, WorkerPool pool, CudaSettings settings) {
        return new CudaBackend(info, image, hostKernels, pool, settings);
    }
}
