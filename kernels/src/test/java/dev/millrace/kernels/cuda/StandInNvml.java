package dev.millrace.kernels.cuda;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Assumptions;

/**
 * An NVML that says what tests tell it to, of devices as {@link EmulatedDriver} numbers them: built
 * by the system's C compiler and loaded into this process as {@code libnvidia-ml.so.1}.
 */
public final class StandInNvml {

    private static final int BUILD_SECONDS = 120;

    private static boolean loaded;

    private StandInNvml() {}

    /** Loads it and the driver; from then on {@link Nvml#find} finds it. */
    @SuppressWarnings("restricted")
    public static synchronized void load() {
        EmulatedDriver.load();
        if (!loaded) {
            System.load(build().toString());
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

    /** A small file: every process that tests builds its own. */
    private static Path build() {
        try (InputStream source = StandInNvml.class.getResourceAsStream("/nvml/nvml.c")) {
            Path folder = Files.createTempDirectory("nvml");
            Path file = folder.resolve("nvml.c");
            Path library = folder.resolve("libnvidia-ml.so.1");
            Files.copy(source, file);
            Process process = new ProcessBuilder("sh", "-c", "\"${CC:-cc}\" -shared -fPIC"
                    + " -fvisibility=hidden -Wl,-soname,libnvidia-ml.so.1 -o \"$0\" \"$1\"",
                    library.toString(), file.toString()).redirectErrorStream(true).start();
            String output = new String(process.getInputStream().readAllBytes());
            boolean ended = process.waitFor(BUILD_SECONDS, TimeUnit.SECONDS);
            Files.delete(file);
            Assumptions.assumeTrue(ended && process.exitValue() == 0,
                    "the stand-in for NVML needs a C compiler: " + output);
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
