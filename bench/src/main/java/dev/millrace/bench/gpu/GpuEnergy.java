package dev.millrace.bench.gpu;

import dev.millrace.kernels.cuda.CudaDeviceInfo;
import dev.millrace.kernels.cuda.Nvml;
import dev.millrace.kernels.cuda.NvmlDevice;
import dev.millrace.kernels.cuda.NvmlException;
import java.util.List;
import java.util.OptionalDouble;

/** What devices' own counters say that work took, all of them together. */
final class GpuEnergy {

    private final List<NvmlDevice> devices; // none where some of them does not say
    private final String description;

    private GpuEnergy(List<NvmlDevice> devices, String description) {
        this.devices = devices;
        this.description = description;
    }

    static GpuEnergy of(List<CudaDeviceInfo> infos) {
        Nvml.Finding finding = Nvml.find();
        if (finding.library().isEmpty()) {
            return new GpuEnergy(List.of(), "not measured: " + finding.reason());
        }
        try {
            Nvml library = finding.library().get();
            List<NvmlDevice> devices = infos.stream().map(library::device).toList();
            devices.forEach(NvmlDevice::energyMillijoules);
            return new GpuEnergy(devices, devices.size() == 1
                    ? "the board's counter, by NVML"
                    : "the counters of " + devices.size() + " boards, by NVML");
        } catch (NvmlException e) {
            return new GpuEnergy(List.of(), "not measured: " + e.getMessage());
        }
    }

    private long millijoules() {
        return devices.stream().mapToLong(NvmlDevice::energyMillijoules).sum();
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
        if (devices.isEmpty()) {
            return OptionalDouble.empty();
        }
        long began = System.nanoTime();
        long before = millijoules();
        long rounds = 0;
        do {
            round.run();
            rounds++;
        } while (System.nanoTime() - began < seconds * 1e9);
        long gained = millijoules() - before;
        return gained <= 0
                ? OptionalDouble.empty()
                : OptionalDouble.of(gained / 1000.0 / (rounds * tokens));
    }
}
