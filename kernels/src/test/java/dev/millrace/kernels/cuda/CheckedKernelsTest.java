package dev.millrace.kernels.cuda;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import static org.assertj.core.api.Assertions.*;

/**
 * The kernels under the sanitizers of addresses and alignment, and under the
 * emulator's own search for races; and proof that these find what is wrong.
 */
@Tag("proof")
class CheckedKernelsTest {

    @ParameterizedTest
    @ValueSource(strings = {"address", "races"})
    void nothingIsFoundInTheKernels(String check) throws IOException, InterruptedException {
        Result result = run(check);
        assertThat(result.status()).as(result.output()).isZero();
    }

    @ParameterizedTest
    @CsvSource({
        "address, plantedOverrun, heap-buffer-overflow",
        "address, plantedSharedOverrun, heap-buffer-overflow",
        "address, plantedMisaligned, misaligned address",
        "races, plantedWarpRace, race on shared memory",
        "races, plantedLaneRace, race on shared memory",
        "races, plantedEarlyRead, race on shared memory",
        "races, plantedLaneCopy, race on shared memory",
        "races, plantedEarlyRefill, race on shared memory",
        "races, plantedBlockRace, race on device memory",
        "races, plantedUnfencedCount, race on device memory",
        "races, plantedEarlySum, race on device memory",
        "races, plantedUnsyncedCount, race on device memory"})
    void plantedFaultsAreFound(String check, String kernel, String report)
            throws IOException, InterruptedException {
        Result result = run(check, kernel);
        assertThat(result.status()).isNotZero();
        assertThat(result.output()).contains(report).contains(kernel);
    }

    private record Result(int status, String output) {}

    private static Result run(String check, String... arguments)
            throws IOException, InterruptedException {
        Path folder = EmulatedDriver.build(check);
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-XX:-CreateCoredumpOnCrash",
                "-XX:ErrorFile=" + folder.resolve("crash.log"),
                "--add-modules=jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED",
                "--sun-misc-unsafe-memory-access=allow",
                "-D" + EmulatedDriver.FOLDER_PROPERTY + "=" + folder, "-cp",
                System.getProperty("java.class.path"), CheckedKernels.class.getName()));
        command.addAll(List.of(arguments));
        ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
        if (check.equals("address")) {
            builder.environment().put("LD_PRELOAD", library("libasan.so"));
            // The JVM has a use for signals of its own, and leaks.
            builder.environment().put("ASAN_OPTIONS",
                    "detect_leaks=0,handle_segv=0,handle_sigfpe=0,handle_sigill=0");
            builder.environment().put("UBSAN_OPTIONS", "print_stacktrace=1");
        }
        Process process = builder.start();
        String output = new String(process.getInputStream().readAllBytes(),
                StandardCharsets.UTF_8);
        return new Result(process.waitFor(), output);
    }

    private static String library(String name) throws IOException, InterruptedException {
        Process process = new ProcessBuilder("sh", "-c",
                "\"${CXX:-g++}\" -print-file-name=" + name).start();
        String path = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8)
                .strip();
        Assumptions.assumeTrue(process.waitFor() == 0 && path.startsWith("/"),
                "the compiler has no " + name);
        return path;
    }
}
