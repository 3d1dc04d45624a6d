package dev.millrace.bench.matmul;

import dev.millrace.kernels.QuantFormat;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import picocli.CommandLine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

class KernelsCommandTest {

    private static List<MatmulRun> runs(String... options) {
        KernelsCommand command = new KernelsCommand();
        new CommandLine(command).parseArgs(options);
        return command.runs();
    }

    @Test
    void everyFormatIsMeasuredByDefault() {
        assertThat(runs()).hasSize(4 * 26)
                .allMatch(run -> run.kernels().equals("vector") && run.threads() == 1);
    }

    @Test
    void quickIsOneProductByBothKernels() {
        assertThat(runs("--quick")).extracting(run -> run.kernels() + " " + run.work())
                .containsExactly("scalar Q8_0 4096x4096 x 1", "vector Q8_0 4096x4096 x 1");
    }

    @Test
    void everyCombinationIsMeasuredAndBaselinesOncePerShape() {
        assertThat(runs("--format", "q8_0,Q4_K", "--shape", "256x256,512x256", "--rows", "1,8",
                "--threads", "1,2", "--baselines", "onednn"))
                .hasSize(2 * 2 * 2 * (2 + 1))
                .filteredOn(MatmulRun::baseline)
                .allMatch(run -> run.format() == QuantFormat.F32).hasSize(8);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "--format=Q9_9     | --format must be of [F32, F16,",
        "--shape=12        | a shape is outputs x inputs",
        "--shape=16x100    | multiple of 32 elements, got 100",
        "--rows=0          | --rows must be at least 1, got 0",
        "--threads=0       | --threads must be at least 1, got 0",
        "--kernels=magic   | --kernels must be scalar, vector or native, got \"magic\"",
        "--baselines=numpy | --baselines must be of openblas, openblas-avx512, onednn, nd4j;"})
    void whatDoesNotExistIsRefusedBeforeAnythingRuns(String option, String message) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> runs(option.startsWith("--format") ? "--rows=1" : "--format=Q8_0",
                        option))
                .withMessageContaining(message);
    }
}
