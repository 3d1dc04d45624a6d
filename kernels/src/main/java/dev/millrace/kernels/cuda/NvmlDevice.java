package dev.millrace.kernels.cuda;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** One GPU as NVML sees it. Every question may be refused with an {@link NvmlException}. */
public final class NvmlDevice {

    private final Nvml nvml;
    private final String name;
    private final MemorySegment handle;

    NvmlDevice(Nvml nvml, String name, MemorySegment handle) {
        this.nvml = nvml;
        this.name = name;
        this.handle = handle;
    }

    /** As the maker sells it. */
    public String name() {
        return name;
    }

    /**
     * Energy of the whole board since the driver was loaded, in millijoules. Since Volta; brought
     * up to date about every 100 ms.
     */
    public long energyMillijoules() {
        return longAt("nvmlDeviceGetTotalEnergyConsumption", Long.BYTES, 0);
    }

    /** Power of the whole board: an average of the last second, or of less, in milliwatts. */
    public long powerMilliwatts() {
        return intAt("nvmlDeviceGetPowerUsage", Integer.BYTES, 0);
    }

    /** Share of the last sample's time in which a kernel ran, 0 to 1. */
    public double utilisation() {
        return intAt("nvmlDeviceGetUtilizationRates", 2L * Integer.BYTES, 0) / 100.0;
    }

    /** Memory that is taken, whoever took it, in bytes. */
    public long usedBytes() {
        return longAt("nvmlDeviceGetMemoryInfo", 3L * Long.BYTES, 2L * Long.BYTES);
    }

    /** @param bytes of the struct that the function fills @param offset of the field in it */
    private long longAt(String function, long bytes, long offset) {
        try (Arena arena = Arena.ofConfined()) {
            return filled(arena, function, bytes).get(ValueLayout.JAVA_LONG, offset);
        }
    }

    private long intAt(String function, long bytes, long offset) {
        try (Arena arena = Arena.ofConfined()) {
            return Integer.toUnsignedLong(filled(arena, function, bytes)
                    .get(ValueLayout.JAVA_INT, offset));
        }
    }

    private MemorySegment filled(Arena arena, String function, long bytes) {
        MemorySegment struct = arena.allocate(bytes, Long.BYTES);
        nvml.call(function, handle, struct);
        return struct;
    }
}
