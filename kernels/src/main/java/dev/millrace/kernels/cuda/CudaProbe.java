package dev.millrace.kernels.cuda;

import dev.millrace.kernels.ForeignLibrary;
import dev.millrace.kernels.KernelException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * Looks for devices that can run the kernels, through nothing but the driver itself: safe on every
 * machine, and quick where there is none.
 */
public final class CudaProbe {

    /** The oldest driver that loads what the build makes, as the driver numbers itself: 13.0. */
    static final int LEAST_DRIVER = 13_000;
    /** The oldest architecture with the instructions that the kernels use: 8.0, Ampere. */
    static final int LEAST_CAPABILITY = 80;

    private static final int MAJOR_CAPABILITY = 75;
    private static final int MINOR_CAPABILITY = 76;
    private static final int NAME_BYTES = 256;
    private static final int BUS_ID_BYTES = 32;

    private final ForeignLibrary driver;
    private final Arena arena;

    private CudaProbe(SymbolLookup driver, Arena arena) {
        this.driver = new ForeignLibrary("the driver", driver);
        this.arena = arena;
    }

    /**
     * What was found.
     *
     * @param devices that can be used, in the driver's order
     * @param reason  why there are none, as part of a sentence; empty if there are any
     * @param advice  what to do about it, likewise
     */
    public record Finding(List<CudaDeviceInfo> devices, String reason, String advice) {

        public Finding {
            devices = List.copyOf(devices);
        }

        /** The first device, if there is one. */
        public Optional<CudaDeviceInfo> device() {
            return devices.stream().findFirst();
        }

        /** There are some. */
        public static Finding of(CudaDeviceInfo... devices) {
            return new Finding(List.of(devices), "", "");
        }

        /** There are none. */
        public static Finding none(String reason, String advice) {
            return new Finding(List.of(), reason, advice);
        }
    }

    /** The devices, or why there is none. */
    @SuppressWarnings("restricted")
    public static Finding find() {
        try (Arena arena = Arena.ofConfined()) {
            SymbolLookup driver;
            try {
                // For ever: a driver that was closed cannot be started again.
                driver = SymbolLookup.libraryLookup("libcuda.so.1", Arena.global());
            } catch (IllegalArgumentException e) {
                return Finding.none("there is no NVIDIA driver (libcuda.so.1)",
                        "install one, or start a container with --gpus all");
            }
            Finding finding = new CudaProbe(driver, arena).probe();
            return finding.devices().isEmpty() ? finding : withRuntime(finding);
        }
    }

    /** Where a device is plugged in, as NVIDIA's other libraries call it too. */
    @SuppressWarnings("restricted")
    static String pciBusId(CudaDeviceInfo device) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment text = arena.allocate(BUS_ID_BYTES);
            int error = new ForeignLibrary("the driver",
                    SymbolLookup.libraryLookup("libcuda.so.1", Arena.global()))
                    .call("cuDeviceGetPCIBusId", text, BUS_ID_BYTES, device.handle());
            if (error != 0) {
                throw new KernelException("the " + device.name() + " does not say where it is"
                        + " plugged in (CUDA error " + error + ")");
            }
            return text.getString(0);
        }
    }

    /** JavaCPP's presets do not load without it. */
    @SuppressWarnings("restricted")
    private static Finding withRuntime(Finding finding) {
        try {
            SymbolLookup.libraryLookup("libcudart.so.13", Arena.global());
            return finding;
        } catch (IllegalArgumentException e) {
            return Finding.none("the NVIDIA driver is there but the CUDA runtime library is not"
                    + " (libcudart.so.13)",
                    "install cuda-cudart-13-0 (1 MB) or use a CUDA 13"
                            + " image, and see that the loader finds it (LD_LIBRARY_PATH)");
        }
    }

    private Finding probe() {
        int error = driver.call("cuInit", 0);
        if (error != 0) {
            return Finding.none("the NVIDIA driver does not start (cuInit gives " + error + ")",
                    "see what nvidia-smi says");
        }
        MemorySegment number = arena.allocate(ValueLayout.JAVA_INT);
        driver.call("cuDriverGetVersion", number);
        int version = number.get(ValueLayout.JAVA_INT, 0);
        if (version < LEAST_DRIVER) {
            return Finding.none("the NVIDIA driver is of CUDA " + versionText(version) + ", and "
                    + versionText(LEAST_DRIVER) + " or newer is needed",
                    "update the driver to 580 or newer");
        }
        error = driver.call("cuDeviceGetCount", number);
        if (error != 0 || number.get(ValueLayout.JAVA_INT, 0) == 0) {
            return Finding.none("the NVIDIA driver shows no device",
                    "see what nvidia-smi says and whether CUDA_VISIBLE_DEVICES hides it");
        }
        int count = number.get(ValueLayout.JAVA_INT, 0);
        List<CudaDeviceInfo> found = IntStream.range(0, count)
                .mapToObj(ordinal -> describe(number, ordinal, version)).toList();
        List<CudaDeviceInfo> usable = found.stream()
                .filter(device -> device.capability() >= LEAST_CAPABILITY).toList();
        if (usable.isEmpty()) {
            CudaDeviceInfo first = found.getFirst();
            return Finding.none("the " + first.name() + " has compute capability "
                    + first.capabilityText() + ", and 8.0 or newer is needed",
                    "use a GPU of the Ampere generation (2020) or a later one");
        }
        return new Finding(usable, "", "");
    }

    private CudaDeviceInfo describe(MemorySegment number, int ordinal, int version) {
        driver.call("cuDeviceGet", number, ordinal);
        int device = number.get(ValueLayout.JAVA_INT, 0);
        MemorySegment name = arena.allocate(NAME_BYTES);
        driver.call("cuDeviceGetName", name, NAME_BYTES, device);
        MemorySegment bytes = arena.allocate(ValueLayout.JAVA_LONG);
        driver.call("cuDeviceTotalMem_v2", bytes, device);
        int capability = 10 * attribute(number, MAJOR_CAPABILITY, device)
                + attribute(number, MINOR_CAPABILITY, device);
        return new CudaDeviceInfo(device, name.getString(0), capability,
                bytes.get(ValueLayout.JAVA_LONG, 0), version);
    }

    private int attribute(MemorySegment number, int attribute, int device) {
        driver.call("cuDeviceGetAttribute", number, attribute, device);
        return number.get(ValueLayout.JAVA_INT, 0);
    }

    static String versionText(int version) {
        return version / 1000 + "." + version % 1000 / 10;
    }
}
