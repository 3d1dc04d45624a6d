package dev.millrace.bench.baseline;

import dev.millrace.bench.BenchException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/**
 * The process's environment as native libraries see it. They read it when they are loaded, and some
 * can be told in no other way how many threads to use.
 */
final class NativeEnvironment {

    private NativeEnvironment() {}

    /** Sets a variable, for libraries that are loaded later. */
    @SuppressWarnings("restricted") // calls a function of the C library
    static void set(String name, String value) {
        Linker linker = Linker.nativeLinker();
        MethodHandle setenv = linker.downcallHandle(linker.defaultLookup().findOrThrow("setenv"),
                FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.ADDRESS,
                        ValueLayout.ADDRESS, ValueLayout.JAVA_INT));
        try (Arena arena = Arena.ofConfined()) {
            int overwrite = 1;
            int status = (int) setenv.invokeExact(arena.allocateFrom(name),
                    arena.allocateFrom(value), overwrite);
            if (status != 0) {
                throw new BenchException("cannot set " + name + " in the environment");
            }
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new IllegalStateException("setenv threw", e);
        }
    }
}
