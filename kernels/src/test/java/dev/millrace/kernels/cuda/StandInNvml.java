package dev.millrace.kernels.cuda;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;

/**
 * An NVML that says what tests tell it to, of devices as {@link EmulatedDriver} numbers them: built
 * by the system's C compiler and loaded into this process as {@code libnvidia-ml.so.1}.
 */
public final class StandInNvml {

    private static boolean loaded;

    private StandInNvml() {}

    /** Loads it and the driver; from then on {@link Nvml#find} finds it. */
    @SuppressWarnings("restricted")
    public static synchronized void load() {
        EmulatedDriver.load();
        if (!loaded) {
            System.load(StandInLibrary.build("/nvml/nvml.c", "libnvidia-ml.so.1",
                    "-Wl,-soname,libnvidia-ml.so.1", "NVML").toString());
            loaded = true;
        }
    }

    /**
     * Changes what it says.
     *
     * @param what   {@code millijoules}, {@code milliwatts}, {@code percent} or {@code bytes};
     *               {@code drawn}, millijoules that are added whenever somebody asks for them;
     *               {@code refuses}, the error of all functions but power's; {@code silent}, that
     *               of power's; {@code start}, that of the library
     * @param device from 0
     * @return what it was
     */
    @SuppressWarnings("restricted")
    public static long set(String what, int device, long value) {
        load();
        try (Arena arena = Arena.ofConfined()) {
            return (long) Linker.nativeLinker().downcallHandle(
                    SymbolLookup.libraryLookup("libnvidia-ml.so.1", Arena.global())
                            .findOrThrow("millrace_nvml_set"),
                    FunctionDescriptor.of(ValueLayout.JAVA_LONG, ValueLayout.ADDRESS,
                            ValueLayout.JAVA_INT, ValueLayout.JAVA_LONG))
                    .invokeExact(arena.allocateFrom(what), device, value);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }
}
