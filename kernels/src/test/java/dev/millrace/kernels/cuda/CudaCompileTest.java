package dev.millrace.kernels.cuda;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import static org.assertj.core.api.Assertions.*;

/** CUDA's own compiler takes the kernels, without a warning, where it is installed. */
@Tag("proof")
class CudaCompileTest {

    private static final List<String> ARCHITECTURES = List.of("80", "90", "90a");

    @Test
    void nvccCompilesTheKernels(@TempDir Path folder) throws IOException, InterruptedException {
        Assumptions.assumeTrue(new ProcessBuilder("sh", "-c", "command -v nvcc")
                .redirectOutput(ProcessBuilder.Redirect.DISCARD).start().waitFor() == 0,
                "there is no nvcc on the PATH");
        Path log = folder.resolve("log");
        List<String> command = new ArrayList<>(
                List.of("sh", "src/main/cuda/build.sh", folder.toString()));
        command.addAll(ARCHITECTURES);

        int status = new ProcessBuilder(command).redirectErrorStream(true)
                .redirectOutput(log.toFile()).start().waitFor();

        assertThat(status).as(Files.readString(log)).isZero();
        for (String architecture : ARCHITECTURES) {
            assertThat(folder.resolve("sm_" + architecture + ".cubin")).isNotEmptyFile();
        }
    }
}
