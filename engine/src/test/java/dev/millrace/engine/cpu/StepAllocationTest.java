package dev.millrace.engine.cpu;

import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import static org.assertj.core.api.Assertions.assertThat;

/** A decoding step allocates its results and nothing else, on any thread. */
class StepAllocationTest {

    /** Results of one row: a handful of small objects, whatever the model's size. */
    private static final long BYTES_PER_ROW = 1024;

    @ParameterizedTest
    @CsvSource({"vector, 1, 1", "native, 5, 1"})
    void aDecodingStepAllocatesItsResultsOnly(String what, int rows, int tokens)
            throws Exception {
        assertThat(bytesPerStep(what, rows, tokens, rows * BYTES_PER_ROW))
                .isLessThanOrEqualTo(rows * BYTES_PER_ROW);
    }

    @Tag("proof")
    @ParameterizedTest
    @CsvSource({"vector, 5, 1", "native, 1, 45", "adapters, 5, 1"})
    void soDoOtherBatches(String what, int rows, int tokens) throws Exception {
        aDecodingStepAllocatesItsResultsOnly(what, rows, tokens);
    }

    private static long bytesPerStep(String what, int rows, int tokens, long accepted)
            throws Exception {
        if (what.equals("native")) {
            NativeTwin.open();
        }
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
                .filter(argument -> argument.startsWith("--")).forEach(command::add);
        command.addAll(List.of("-cp", System.getProperty("java.class.path"),
                StepAllocationProbe.class.getName(), what, Integer.toString(rows),
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
