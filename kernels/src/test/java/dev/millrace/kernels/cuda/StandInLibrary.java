package dev.millrace.kernels.cuda;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Assumptions;

/** A stand-in for a library, of one C file, built by the system's compiler. */
public final class StandInLibrary {

    private static final int BUILD_SECONDS = 120;

    private StandInLibrary() {}

    /**
     * Builds one; every process that tests builds its own. Tests skip where there is no compiler.
     *
     * @param source a resource
     * @param file   what the library's file is called
     * @param option of the compiler, one word
     * @param of     what it stands in for, for the message of a skip
     */
    public static Path build(String source, String file, String option, String of) {
        try (InputStream text = StandInLibrary.class.getResourceAsStream(source)) {
            Path folder = Files.createTempDirectory("stand-in");
            Path code = folder.resolve("source.c");
            Path library = folder.resolve(file);
            Files.copy(text, code);
            Process process = new ProcessBuilder("sh", "-c", "\"${CC:-cc}\" -shared -fPIC"
                    + " -fvisibility=hidden " + option + " -o \"$0\" \"$1\"",
                    library.toString(), code.toString()).redirectErrorStream(true).start();
            String output = new String(process.getInputStream().readAllBytes());
            boolean ended = process.waitFor(BUILD_SECONDS, TimeUnit.SECONDS);
            Files.delete(code);
            Assumptions.assumeTrue(ended && process.exitValue() == 0,
                    "the stand-in for " + of + " needs a C compiler: " + output);
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
