package dev.millrace.kernels.cuda.nvrtc;

import dev.millrace.kernels.cuda.StandInLibrary;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.file.Path;

/**
 * An NVRTC that takes the kernels' sources and compiles nothing: built by the system's C compiler,
 * and found by its path, so that tests of machines without one see none.
 */
public final class StandInNvrtc {

    private static Path built;

    private StandInNvrtc() {}

    /** The library, loaded. */
    public static Nvrtc load() {
        return Nvrtc.find(path().toString()).orElseThrow();
    }

    /**
     * Changes what it does: {@code fails} 1 finds an error in every source, {@code minor} is its
     * release, after 13.
     *
     * @return what it was
     */
    public static long set(String what, long value) {
        try (Arena arena = Arena.ofConfined()) {
            return (long) function("millrace_nvrtc_set", ValueLayout.ADDRESS,
                    ValueLayout.JAVA_LONG).invokeExact(arena.allocateFrom(what), value);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    /** How many sources it {@code compiled}, and programs that are {@code alive}. */
    public static long count(String what) {
        try (Arena arena = Arena.ofConfined()) {
            return (long) function("millrace_nvrtc_count", ValueLayout.ADDRESS)
                    .invokeExact(arena.allocateFrom(what));
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    @SuppressWarnings("restricted")
    private static MethodHandle function(String name, ValueLayout... arguments) {
        return Linker.nativeLinker().downcallHandle(
                SymbolLookup.libraryLookup(path(), Arena.global()).findOrThrow(name),
                FunctionDescriptor.of(ValueLayout.JAVA_LONG, arguments));
    }

    private static synchronized Path path() {
        if (built == null) {
            built = StandInLibrary.build("/nvrtc/nvrtc.c", Nvrtc.LIBRARY,
                    "", "NVRTC");
        }
        return built;
    }
}
