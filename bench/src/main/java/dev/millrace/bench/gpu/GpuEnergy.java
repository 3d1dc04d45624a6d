package dev.millrace.bench.gpu;

import dev.millrace.kernels.cuda.CudaDeviceInfo;
import dev.millrace.kernels.cuda.Nvml;
import dev.millrace.kernels.cuda.NvmlDevice;
import dev.millrace.kernels.cuda.NvmlException;
import java.util.OptionalDouble;

/** What a device's own counter says that work took. */
final class GpuEnergy {

    private final NvmlDevice device; // null where it does not say
    private final String description;

    private GpuEnergy(NvmlDevice device, String description) {
        this.device = device;
        this.description = description;
    }

    static GpuEnergy of(CudaDeviceInfo info) {
        Nvml.Finding finding = Nvml.find();
        if (finding.library().isEmpty()) {
            return new GpuEnergy(null, "not measured: " + finding.reason());
        }
        try {
            NvmlDevice device = finding.library().get().device(info);
            device.energyMillijoules();
            return new GpuEnergy(device, "the board's counter, by NVML");
        } catch (NvmlException e) {
            return new GpuEnergy(null, "not measured: " + e.getMessage());
        }
    }

    /** Where figures come from, or why there are none. */
    String description() {
        return description;
    }

    /**
     * Repeats a round of work until some time has passed: the counter is brought up to date ten
     * times a second.
     *
     * @param tokens of a round
     * @return joules per token; empty where they are not measured, or the time was too short
     */
    OptionalDouble joulesPerToken(Runnable round, long tokens, double seconds) {
        if (device == null) {
            return OptionalDouble.empty();
        }
        long began = System.nanoTime();
        long before = device.energyMillijoules();
        long rounds = 0;
        do {
            round.run();
            rounds++;
        } while (System.nanoTime() - began < seconds * 1e9);
        long gained = device.energyMillijoules() - before;
        return gained <= 0
                ? OptionalDouble.empty()
                : OptionalDouble.of(gained / 1000.0 / (rounds * tokens));
    }
}
