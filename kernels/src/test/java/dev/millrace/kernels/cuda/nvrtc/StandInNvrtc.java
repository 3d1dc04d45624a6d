package dev.millrace.kernels.cuda.nvrtc;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Assumptions;

/**
 * An NVRTC that takes the kernels' sources and compiles nothing: built by the system's C compiler,
 * and found by its path, so that tests of machines without one see none.
 */
public final class StandInNvrtc {

    private static final int BUILD_SECONDS = 120;

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
            built = build();
        }
        return built;
    }

    /** A small file: every process that tests builds its own. */
    private static Path build() {
        try (InputStream source = StandInNvrtc.class.getResourceAsStream("/nvrtc/nvrtc.c")) {
            Path folder = Files.createTempDirectory("nvrtc");
            Path file = folder.resolve("nvrtc.c");
            Path library = folder.resolve(Nvrtc.LIBRARY);
            Files.copy(source, file);
            Process process = new ProcessBuilder("sh", "-c", "\"${CC:-cc}\" -shared -fPIC"
                    + " -fvisibility=hidden -o \"$0\" \"$1\"",
                    library.toString(), file.toString()).redirectErrorStream(true).start();
            String output = new String(process.getInputStream().readAllBytes());
            boolean ended = process.waitFor(BUILD_SECONDS, TimeUnit.SECONDS);
            Files.delete(file);
            Assumptions.assumeTrue(ended && process.exitValue() == 0,
                    "the stand-in for NVRTC needs a C compiler: " + output);
            library.toFile().deleteOnExit();
            folder.toFile().deleteOnExit();
            return library;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError("interrupted while the stand-in was built", e);
        }
    }
}
