package dev.millrace.kernels.cuda;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/** The emulator's {@code libcublasLt.so.13}, and what tests tell it and ask it. */
public final class StandInCublasLt {

    private StandInCublasLt() {}

    /**
     * Changes it: {@code refuses} 1 has no algorithm for anything, {@code fails} makes the next
     * product give that error.
     *
     * @return what it was
     */
    public static long set(String what, long value) {
        try (Arena arena = Arena.ofConfined()) {
            return (long) function("millrace_cublaslt_set", ValueLayout.ADDRESS,
                    ValueLayout.JAVA_LONG).invokeExact(arena.allocateFrom(what), value);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    /** Products that it was asked for since it was loaded; of those captured, once. */
    public static long products() {
        try {
            return (long) function("millrace_cublaslt_count").invokeExact();
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    @SuppressWarnings("restricted")
    private static MethodHandle function(String name, ValueLayout... arguments) {
        EmulatedDriver.load();
        return Linker.nativeLinker().downcallHandle(
                SymbolLookup.libraryLookup("libcublasLt.so.13", Arena.global()).findOrThrow(name),
                FunctionDescriptor.of(ValueLayout.JAVA_LONG, arguments));
    }
}
