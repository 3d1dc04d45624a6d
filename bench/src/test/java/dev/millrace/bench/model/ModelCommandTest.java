package dev.millrace.bench.model;

import dev.millrace.bench.Main;
import dev.millrace.models.fixtures.TinyModels;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

import static org.assertj.core.api.Assertions.assertThat;

/** The model benchmarks run and record; what they measure is nobody's assertion. */
class ModelCommandTest {

    private static final String[] SMALL = {"--prompts", "9,40", "--depths", "0,21", "--batches",
        "1,3", "--batch-depth", "5", "--tokens", "4", "--step-tokens", "16"};

    @TempDir
    private Path folder;
    private final StringWriter errors = new StringWriter();

    @Test
    void everySectionIsMeasuredAndRecorded() throws IOException {
        assertThat(execute(SMALL)).isZero();
        List<JsonNode> lines = lines();
        assertThat(lines).extracting(line -> line.path("test").asString()).containsExactly("pp9",
                "pp40", "tg4", "tg4 @ d21", "tg4 @ d5", "tg4 x 3 @ d5");
        assertThat(lines).extracting(line -> line.path("benchmark").asString())
                .containsExactly("prefill", "prefill", "decode", "decode", "decode", "decode");
        for (JsonNode line : lines) {
            assertThat(line.path("tok_per_s").path("median").asDouble()).isPositive();
            assertThat(line.path("memory_read_gb_per_s").path("median").asDouble()).isPositive();
            assertThat(line.path("bandwidth_share").asDouble()).isPositive();
            assertThat(line.path("gmac_per_s").asDouble()).isPositive();
            assertThat(line.path("hardware").path("processor").asString()).isNotBlank();
        }
        assertThat(lines.getLast().path("sequences").asInt()).isEqualTo(3);
        assertThat(lines.getLast().path("depth").asInt()).isEqualTo(5);
        assertThat(lines.getLast().path("tokens").asInt()).isEqualTo(4);
    }

    @Test
    void whatTheContextCannotHoldIsLeftOut() throws IOException {
        assertThat(execute("--sections", "decode", "--depths", "0,253,4000", "--tokens", "4"))
                .isZero();
        assertThat(lines()).extracting(line -> line.path("test").asString())
                .containsExactly("tg4");
    }

    @Test
    void thePageHasTheResults() throws IOException {
        Path page = folder.resolve("page.html");
        assertThat(execute("--sections", "prefill", "--prompts", "9", "--html", page.toString()))
                .isZero();
        assertThat(page).content().contains("<td>pp9</td>").contains("Tiny F32, vector kernels");
    }

    @Test
    void whatCannotBeMeasuredIsRefused() {
        assertRefused("--kernels must be scalar, vector or native, got \"magic\"", "--kernels",
                "magic");
        assertRefused("--sections must be of prefill, decode, batch; got \"dance\"", "--sections",
                "dance");
        assertRefused("--depths must not be negative, got -1", "--depths", "-1");
        assertRefused("--tokens must be at least 1, got 0", "--tokens", "0");
    }

    private void assertRefused(String message, String... arguments) {
        assertThat(execute(arguments)).isEqualTo(1);
        assertThat(errors.toString()).contains(message);
    }

    private int execute(String... arguments) {
        List<String> all = new ArrayList<>(List.of("model"));
        all.addAll(List.of(arguments));
        all.add(TinyModels.llama().write(folder).toString());
        all.addAll(List.of("--rounds", "1", "--threads", "1", "--results", results().toString()));
        CommandLine command = Main.commandLine().setErr(new PrintWriter(errors, true));
        return command.execute(all.toArray(String[]::new));
    }

    private List<JsonNode> lines() throws IOException {
        return Files.readAllLines(results()).stream()
                .map(line -> JsonMapper.shared().readTree(line)).toList();
    }

    private Path results() {
        return folder.resolve("results.jsonl");
    }
}
