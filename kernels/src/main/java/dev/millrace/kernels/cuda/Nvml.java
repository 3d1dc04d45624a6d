package dev.millrace.kernels.cuda;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.Arrays;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;

/**
 * NVIDIA's management library (NVML), which comes with the driver: what a GPU uses of energy, time
 * and memory. Loaded when somebody asks, through Java's own foreign functions, and safe on every
 * machine. Any number of threads.
 */
public final class Nvml {

    private static final String LIBRARY = "libnvidia-ml.so.1";
    /** What NVML calls a function that a library lacks. */
    private static final int NOT_FOUND = 13;

    private final SymbolLookup library;
    private final Map<String, MethodHandle> functions = new ConcurrentHashMap<>();

    private Nvml(SymbolLookup library) {
        this.library = library;
    }

    /**
     * What was found.
     *
     * @param library ready to be asked, if it is there
     * @param reason  why it is not, as part of a sentence; empty if it is
     */
    public record Finding(Optional<Nvml> library, String reason) {}

    /** Loads and starts the library. */
    public static Finding find() {
        return find(LIBRARY);
    }

    /** @param name of a library, or its path */
    @SuppressWarnings("restricted")
    static Finding find(String name) {
        try {
            // For ever, as the driver itself is.
            Nvml nvml = new Nvml(SymbolLookup.libraryLookup(name, Arena.global()));
            nvml.call("nvmlInit_v2");
            return new Finding(Optional.of(nvml), "");
        } catch (IllegalArgumentException e) {
            return new Finding(Optional.empty(), "there is no NVML (" + LIBRARY
                    + "), which comes with NVIDIA's driver and into a container by"
                    + " NVIDIA_DRIVER_CAPABILITIES=compute,utility");
        } catch (NvmlException e) {
            return new Finding(Optional.empty(), "NVML does not start: " + e.getMessage());
        }
    }

    /**
     * The device that the driver for computing shows.
     *
     * @throws NvmlException if it is not to be seen here
     */
    public NvmlDevice device(CudaDeviceInfo info) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment handle = arena.allocate(ValueLayout.ADDRESS);
            call("nvmlDeviceGetHandleByPciBusId_v2", arena.allocateFrom(CudaProbe.pciBusId(info)),
                    handle);
            return new NvmlDevice(this, info.name(), handle.get(ValueLayout.ADDRESS, 0));
        }
    }

    /**
     * Calls a function that takes pointers.
     *
     * @throws NvmlException if it refuses, or the library is too old to have it
     */
    @SuppressWarnings("restricted")
    void call(String name, MemorySegment... arguments) {
        int error;
        try {
            error = (int) functions.computeIfAbsent(name, key -> {
                MemoryLayout[] layouts = new MemoryLayout[arguments.length];
                Arrays.fill(layouts, ValueLayout.ADDRESS);
                return Linker.nativeLinker().downcallHandle(library.findOrThrow(key),
                        FunctionDescriptor.of(ValueLayout.JAVA_INT, layouts));
            }).invokeWithArguments((Object[]) arguments);
        } catch (NoSuchElementException e) {
            throw new NvmlException(name + " is not in this version of NVML", NOT_FOUND);
        } catch (Throwable e) {
            throw new IllegalStateException("NVML's " + name + " cannot be called", e);
        }
        if (error != 0) {
            throw new NvmlException(name + " gives " + error + " (" + text(error) + ")", error);
        }
    }

    @SuppressWarnings("restricted")
    private String text(int error) {
        try {
            MemorySegment text = (MemorySegment) Linker.nativeLinker().downcallHandle(
                    library.findOrThrow("nvmlErrorString"),
                    FunctionDescriptor.of(ValueLayout.ADDRESS, ValueLayout.JAVA_INT))
                    .invokeExact(error);
            return text.reinterpret(Long.MAX_VALUE).getString(0);
        } catch (Throwable e) {
            return "it does not say what that is";
        }
    }
}
