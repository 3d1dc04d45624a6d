package dev.millrace.bench.peer;

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

/** The peer is a shell script here; what is measured is nobody's assertion. */
class CompareCommandTest {

    private static final String TABLE = "printf '| test | threads | t/s |\\n|--|--|--|\\n"
            + "| pp20 | 1 | 50.0 |\\n| tg3 @ d17 | 1 | 5.0 |\\n'";

    @TempDir
    private Path folder;
    private final StringWriter errors = new StringWriter();

    @Test
    void whatThePeerMeasuresIsMeasuredInTurns() throws IOException {
        assertThat(execute("echo turn >> '" + folder + "/turns'; " + TABLE, "--pairs", "3",
                "--peer-name", "script")).isZero();

        assertThat(folder.resolve("turns")).hasContent("turn\nturn\nturn\n");
        List<JsonNode> lines = lines();
        assertThat(lines).extracting(line -> line.path("test").asString())
                .containsExactly("pp20", "tg3 @ d17");
        for (JsonNode line : lines) {
            assertThat(line.path("benchmark").asString()).isEqualTo("compare");
            assertThat(line.path("peer").asString()).isEqualTo("script");
            assertThat(line.path("ratios")).hasSize(3);
            assertThat(line.path("tok_per_s").path("median").asDouble()).isPositive();
        }
        assertThat(lines.getFirst().path("peer_tok_per_s").path("median").asDouble())
                .isEqualTo(50);
    }

    @Test
    void sequencesTogetherAreMeasuredAsTheBatchBenchmarkDoes() throws IOException {
        assertThat(execute(
                "printf 'is_pp_shared = 1\\n| PP | TG | B | N_KV | S_PP t/s | S_TG t/s |\\n|--|\\n"
                        + "| 20 | 3 | 2 | 46 | 50.0 | 5.0 |\\n| 20 | 3 | 1 | 23 | 50.0 | 5.0 |\\n'",
                "--pairs", "1")).isZero();
        assertThat(lines()).extracting(line -> line.path("test").asString()).containsExactly(
                "pp20 x 2 shared", "tg3 x 2 @ d20", "pp20", "tg3 @ d20");
    }

    @Test
    void placeholdersBecomeTheFileAndTheThreads() throws IOException {
        assertThat(execute("test -f {model} && test {threads} = 1 && " + TABLE, "--pairs", "1"))
                .isZero();
        assertThat(lines().getFirst().path("peer").asString()).isEqualTo("test");
    }

    @Test
    void aPeerThatFailsIsQuoted() {
        assertFails("the peer failed with status 3: ", "echo no such model >&2; exit 3");
        assertThat(errors.toString()).contains("no such model");
    }

    @Test
    void aPeerThatPrintsNothingOfUseIsQuoted() {
        assertFails("the peer printed no result that is understood", "echo hello");
        assertThat(errors.toString()).contains("\nhello");
        assertFails("(it printed nothing)", "true");
    }

    @Test
    void aPeerThatTakesTooLongIsStopped() {
        assertFails("the peer took more than 1 s", "sleep 60; echo never", "--peer-timeout", "1");
    }

    @Test
    void aTestBeyondTheModelsContextIsRefused() {
        assertFails("the peer measured tg3 @ d99999, but the model's context is 256 tokens",
                TABLE.replace("d17", "d99999"));
    }

    @Test
    void aPeerThatLeavesATestOutLaterIsRefused() {
        assertFails("the peer measured tg3 @ d17 at first and left it out later",
                "if [ -e '" + folder + "/once' ]; then " + TABLE.replace("tg3", "tg4")
                        + "; else touch '" + folder + "/once'; " + TABLE + "; fi");
    }

    private void assertFails(String message, String peer, String... options) {
        assertThat(execute(peer, options)).isEqualTo(1);
        assertThat(errors.toString()).contains(message);
    }

    private int execute(String peer, String... options) {
        List<String> all = new ArrayList<>(List.of("compare", "--peer", peer));
        all.addAll(List.of(options));
        all.add(TinyModels.llama().write(folder).toString());
        all.addAll(List.of("--threads", "1", "--results", results().toString()));
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
