package dev.millrace.server.wiring;

import dev.millrace.engine.forward.BackendException;
import dev.millrace.engine.forward.ForwardPass.DeviceMemory;
import dev.millrace.engine.forward.MemoryBudget;
import dev.millrace.kernels.KernelException;
import dev.millrace.kernels.cuda.CudaDeviceInfo;
import dev.millrace.kernels.cuda.CudaProbe;
import dev.millrace.kernels.cuda.CudaProbe.Finding;
import dev.millrace.kernels.cuda.KernelImages;
import dev.millrace.models.ModelSpec;
import dev.millrace.models.Weights;
import dev.millrace.server.config.ServerConfig;
import java.util.function.Function;
import java.util.function.Supplier;

/**
 * The device that a configuration asks for. One that was named serves or stops the server; with
 * {@code auto} a GPU serves what it can, else the processor, and the reason is told.
 *
 * @param device what serves
 * @param why    in words, to follow its description; empty if it was named
 */
record DeviceChoice(ServingDevice device, String why) {

    /**
     * For a configuration, whatever the model.
     *
     * @throws BackendException if what was named cannot serve; says why and what to do
     */
    static DeviceChoice of(ServerConfig config) {
        return of(config, CudaProbe::find, KernelImages::find);
    }

    /** @param probe looks for a device @param images finds its kernels */
    static DeviceChoice of(ServerConfig config, Supplier<Finding> probe,
            Function<CudaDeviceInfo, byte[]> images) {
        CpuDevice cpu = CpuDevice.of(config);
        if (config.backend().equals("cpu")) {
            return new DeviceChoice(cpu, "");
        }
        boolean named = config.backend().equals("cuda");
        String reason = adapters(config);
        String advice = "leave them out";
        if (reason.isEmpty()) {
            Finding finding = probe.get();
            reason = finding.reason();
            advice = finding.advice();
            if (finding.device().isPresent()) {
                try {
                    CudaDeviceInfo info = finding.device().get();
                    return new DeviceChoice(new GpuDevice(info, images.apply(info), cpu.choice()),
                            named ? "" : "auto: there is a GPU");
                } catch (KernelException e) {
                    reason = e.getMessage();
                    advice = "build it there";
                }
            }
        }
        if (named) {
            throw new BackendException("--backend=cuda cannot serve: " + reason + "; " + advice
                    + ", or use --backend=cpu");
        }
        return new DeviceChoice(cpu, "auto: " + reason);
    }

    private static String adapters(ServerConfig config) {
        return config.adapters().isEmpty() && !config.adapterUpdates()
                ? ""
                : "LoRA adapters run on the processor only";
    }

    /**
     * For a model: with {@code auto}, one that does not fit the GPU with its buffers and one full
     * context is served by the processor.
     *
     * @param budget with the memory of the device chosen so far
     */
    DeviceChoice fitting(ServerConfig config, ModelSpec spec, Weights weights,
            MemoryBudget budget) {
        if (!(device instanceof GpuDevice) || config.backend().equals("cuda")) {
            return this;
        }
        DeviceMemory memory = device.memoryNeeded(spec, weights, budget);
        long least = memory.totalBytes() - memory.cacheBytes()
                + Math.min(memory.cacheBytes(), device.leastCacheBytes(spec, budget));
        return least <= budget.totalBytes()
                ? this
                : new DeviceChoice(CpuDevice.of(config),
                        "auto: the model takes " + least
                                + " bytes on the GPU, more than the " + budget.totalBytes()
                                + " that it may");
    }
}
