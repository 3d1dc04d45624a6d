package dev.millrace.engine.cpu;

import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import static org.assertj.core.api.Assertions.assertThat;

/** A decoding step on the vector kernels allocates its results and nothing else, on any thread. */
class StepAllocationTest {

    /** Results of one row: a handful of small objects, whatever the model's size. */
    private static final long BYTES_PER_ROW = 1024;

    @ParameterizedTest
    @CsvSource({"1, 1", "5, 1"})
    void aDecodingStepAllocatesItsResultsOnly(int rows, int tokens) throws Exception {
        assertThat(bytesPerStep(rows, tokens, rows * BYTES_PER_ROW))
                .isLessThanOrEqualTo(rows * BYTES_PER_ROW);
    }

    private static long bytesPerStep(int rows, int tokens, long accepted) throws Exception {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
                .filter(argument -> argument.startsWith("--")).forEach(command::add);
        command.addAll(List.of("-cp", System.getProperty("java.class.path"),
                StepAllocationProbe.class.getName(), Integer.toString(rows),
                Integer.toString(tokens), Long.toString(accepted)));
        Process process = new ProcessBuilder(command)
                .redirectError(ProcessBuilder.Redirect.DISCARD).start();
        try (var output = process.inputReader()) {
            List<String> lines = output.readAllLines();
            assertThat(process.waitFor()).isZero();
            return Long.parseLong(lines.getLast());
        } finally {
            process.destroyForcibly();
        }
    }
}
