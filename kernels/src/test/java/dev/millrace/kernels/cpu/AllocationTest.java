package dev.millrace.kernels.cpu;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

import static org.assertj.core.api.Assertions.assertThat;

/** No operation allocates once it is warm: a boxed vector would be a hundred times slower. */
@Tag("proof")
class AllocationTest {

    @ParameterizedTest
    @EnumSource
    void noOperationAllocatesOnceWarm(KernelChoice choice) throws Exception {
        choice.open();
        assertThat(runProbe(choice)).containsExactly("done");
    }

    private static List<String> runProbe(KernelChoice choice)
            throws IOException, InterruptedException {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
                .filter(argument -> argument.startsWith("--")).forEach(command::add);
        command.addAll(List.of("-cp", System.getProperty("java.class.path"),
                AllocationProbe.class.getName(), choice.name()));
        Process process = new ProcessBuilder(command)
                .redirectError(ProcessBuilder.Redirect.DISCARD).start();
        try (var output = process.inputReader()) {
            List<String> lines = output.readAllLines();
            assertThat(process.waitFor()).isZero();
            return lines;
        } finally {
            process.destroyForcibly();
        }
    }
}
