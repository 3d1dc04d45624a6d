package dev.millrace.kernels.cuda;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import static org.assertj.core.api.Assertions.*;

/** What would hang or give wrong numbers on real devices ends a process on emulated ones. */
@Tag("proof")
class GroupMistakesTest {

    @ParameterizedTest
    @CsvSource({
        "sizes, the devices of an AllGather disagree on its size",
        "absence, 'a device is missing from an AllGather, which would hang'",
        "memory, an AllGather reads what is not memory of its device",
        "half, 'some devices record what they do together, and some do it'",
        "launches, a thread launches two graphs that wait for each other",
        "leak, the last communicator waits for graphs that were not destroyed",
        "wait, devices wait for each other for ever",
        "overlap, an AllGather reads what it overwrites",
        "kernel, a kernel got memory of another device"})
    void mistakesEndTheProcess(String mistake, String report)
            throws IOException, InterruptedException {
        EmulatedDriver.load();
        Process process = new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-XX:-CreateCoredumpOnCrash",
                "-XX:ErrorFile=/dev/null", "--add-modules=jdk.incubator.vector",
                "--enable-native-access=ALL-UNNAMED", "--sun-misc-unsafe-memory-access=allow",
                "-cp", System.getProperty("java.class.path"), GroupMistakes.class.getName(),
                mistake).redirectErrorStream(true).start();
        String output = new String(process.getInputStream().readAllBytes(),
                StandardCharsets.UTF_8);

        assertThat(process.waitFor()).as(output).isNotZero();
        assertThat(output).contains(report);
    }
}
