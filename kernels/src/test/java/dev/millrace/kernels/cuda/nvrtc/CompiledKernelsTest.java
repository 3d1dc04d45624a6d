package dev.millrace.kernels.cuda.nvrtc;

import dev.millrace.kernels.KernelException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import static org.assertj.core.api.Assertions.*;

/** What is compiled at run time is compiled once, and a bad folder costs nothing but that. */
class CompiledKernelsTest {

    private static final String SOURCE = KernelSources.together();

    @TempDir
    Path home;

    private final List<String> remarks = new ArrayList<>();
    private final Nvrtc nvrtc = StandInNvrtc.load();

    private Path folder() {
        return home.resolve("kernels");
    }

    private byte[] image(String source, int architecture) {
        return new CompiledKernels(folder(), remarks::add).image(nvrtc, source, architecture);
    }

    private List<Path> files() throws IOException {
        try (Stream<Path> files = Files.list(folder())) {
            return files.toList();
        }
    }

    /** How many sources were compiled meanwhile. */
    private static long compiled(Runnable what) {
        long before = StandInNvrtc.count("compiled");
        what.run();
        return StandInNvrtc.count("compiled") - before;
    }

    @Test
    void theSecondStartTakesWhatTheFirstCompiled() throws IOException {
        byte[] first = image(SOURCE, 90);

        assertThat(new String(first)).startsWith("image of sm_90, ");
        assertThat(remarks).containsExactly("compiles the kernels for sm_90 with NVRTC 13.0,"
                + " which takes up to a minute, once");
        assertThat(compiled(() -> assertThat(image(SOURCE, 90)).isEqualTo(first))).isZero();
        assertThat(remarks).hasSize(1);
        assertThat(files()).hasSize(1);
        assertThat(StandInNvrtc.count("alive")).isZero();
    }

    @Test
    void anotherArchitectureSourceOrReleaseIsCompiledForItself() throws IOException {
        assertThat(compiled(() -> {
            image(SOURCE, 90);
            image(SOURCE, 80);
            image(SOURCE + "// changed\n", 90);
        })).isEqualTo(3);
        long before = StandInNvrtc.set("minor", 2);
        try {
            assertThat(compiled(() -> image(SOURCE, 90))).isEqualTo(1);
        } finally {
            StandInNvrtc.set("minor", before);
        }
        assertThat(files()).hasSize(4);
    }

    @Test
    void whatIsDamagedOrCutIsCompiledAnew() throws IOException {
        image(SOURCE, 90);
        Path file = files().getFirst();
        byte[] whole = Files.readAllBytes(file);
        byte[] damaged = whole.clone();
        damaged[40] ^= 1;
        for (byte[] bad : List.of(damaged, new byte[0], Arrays.copyOf(whole, whole.length - 1))) {
            Files.write(file, bad);
            remarks.clear();
            assertThat(compiled(() -> image(SOURCE, 90))).isEqualTo(1);
            assertThat(remarks.getFirst()).isEqualTo(file + " is damaged and is made anew");
            assertThat(compiled(() -> image(SOURCE, 90))).isZero();
        }
    }

    @Test
    void aFolderThatCannotBeWrittenIsSaidAndStopsNothing() throws IOException {
        Files.writeString(folder(), "a file where the folder should be");

        assertThat(new String(image(SOURCE, 90))).startsWith("image of sm_90, ");
        assertThat(remarks).last().asString().startsWith("the compiled kernels cannot be kept in "
                + folder() + ", so that the next start compiles them again: ");
        assertThat(compiled(() -> image(SOURCE, 90))).isEqualTo(1);
    }

    @Test
    void theOldestMakeRoomSoThatTheFolderDoesNotGrow() throws IOException {
        image(SOURCE, 90);
        Path oldest = files().getFirst();
        Files.setLastModifiedTime(oldest, FileTime.fromMillis(1));
        for (int i = 0; i < 16; i++) {
            image(SOURCE + "// " + i + "\n", 90);
        }
        assertThat(files()).hasSize(16).doesNotContain(oldest);
    }

    @Test
    void anErrorTellsWhereTheLogBegins() {
        long before = StandInNvrtc.set("fails", 1);
        try {
            assertThatExceptionOfType(KernelException.class).isThrownBy(() -> image(SOURCE, 90))
                    .withMessage("NVRTC 13.0 does not compile the kernels for sm_90:"
                            + " NVRTC_ERROR_COMPILATION: multiply.cu(12): error: expected a \";\""
                            + " / int x / ^ / 1 error detected in the compilation of"
                            + " \"kernels.cu\".");
        } finally {
            StandInNvrtc.set("fails", before);
        }
        assertThat(folder()).doesNotExist();
        assertThat(StandInNvrtc.count("alive")).isZero();
    }

    @Test
    void anArchitectureThatTheCompilerDoesNotKnowIsRefusedInItsWords() {
        assertThatExceptionOfType(KernelException.class).isThrownBy(() -> image(SOURCE, 91))
                .withMessageContaining("NVRTC_ERROR_INVALID_OPTION: nvrtc: error: invalid option");
    }
}
