package dev.millrace.server.wiring;

import dev.millrace.kernels.KernelException;
import dev.millrace.kernels.cuda.CudaDeviceInfo;
import dev.millrace.kernels.cuda.Nvml;
import dev.millrace.kernels.cuda.NvmlDevice;
import dev.millrace.kernels.cuda.NvmlException;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import java.util.List;
import java.util.Optional;
import java.util.function.ToDoubleFunction;

/** What GPUs say of themselves, each under its number; nothing of what they do not say. */
final class GpuMetrics {

    private static final double MILLI = 1e-3;

    private GpuMetrics() {}

    /** @param gpus in use; where there is none, nothing of NVIDIA's is loaded */
    static void register(MeterRegistry registry, List<CudaDeviceInfo> gpus) {
        if (gpus.isEmpty()) {
            return;
        }
        Optional<Nvml> nvml = Nvml.find().library();
        for (CudaDeviceInfo gpu : gpus) {
            try {
                nvml.map(library -> library.device(gpu)).ifPresent(device -> register(registry,
                        device, Tags.of("gpu", Integer.toString(gpu.handle()), "name",
                                gpu.name())));
            } catch (NvmlException | KernelException e) {
                // The start's line about energy says what is wrong with it.
            }
        }
    }

    private static void register(MeterRegistry registry, NvmlDevice gpu, Tags tags) {
        gauge(registry, gpu, tags, "millrace_gpu_power_watts", "power of the board",
                device -> device.powerMilliwatts() * MILLI);
        gauge(registry, gpu, tags, "millrace_gpu_utilisation",
                "share of the last moments in which a kernel ran", NvmlDevice::utilisation);
        gauge(registry, gpu, tags, "millrace_gpu_memory_used_bytes",
                "memory of the GPU that is taken, whoever took it", NvmlDevice::usedBytes);
        if (says(gpu, NvmlDevice::energyMillijoules)) {
            // Of the registry, because a meter holds what it is of weakly, and nobody else the GPU.
            FunctionCounter.builder("millrace_gpu_energy_joules", registry,
                    _ -> orNothing(gpu, NvmlDevice::energyMillijoules) * MILLI)
                    .description("energy of the board since its driver was loaded").tags(tags)
                    .register(registry);
        }
    }

    private static void gauge(MeterRegistry registry, NvmlDevice gpu, Tags tags, String name,
            String description, ToDoubleFunction<NvmlDevice> value) {
        if (says(gpu, value)) {
            Gauge.builder(name, () -> orNothing(gpu, value))
                    .description(description).tags(tags).register(registry);
        }
    }

    private static boolean says(NvmlDevice gpu, ToDoubleFunction<NvmlDevice> value) {
        return !Double.isNaN(orNothing(gpu, value));
    }

    private static double orNothing(NvmlDevice gpu, ToDoubleFunction<NvmlDevice> value) {
        try {
            return value.applyAsDouble(gpu);
        } catch (NvmlException e) {
            return Double.NaN;
        }
    }
}
