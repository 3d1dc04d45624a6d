package dev.millrace.bench;

import dev.millrace.models.fixtures.TinyModels;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

import static org.assertj.core.api.Assertions.assertThat;

/** The model benchmarks run and record; what they measure is nobody's assertion. */
class ModelBenchmarkTest {

    @TempDir
    private Path folder;

    @Test
    void decodingIsRecordedWithItsBandwidth() throws IOException {
        JsonNode line = run("decode", "--tokens", "3", "--depth", "4", "--sequences", "2");
        assertThat(line.path("benchmark").asString()).isEqualTo("decode");
        assertThat(line.path("sequences").asInt()).isEqualTo(2);
        assertThat(line.path("tok_per_s").path("median").asDouble()).isPositive();
        assertThat(line.path("memory_read_gb_per_s").path("median").asDouble()).isPositive();
        assertThat(line.path("hardware").path("processor").asString()).isNotBlank();
    }

    @Test
    void readingAPromptIsRecorded() throws IOException {
        JsonNode line = run("prefill", "--tokens", "9");
        assertThat(line.path("benchmark").asString()).isEqualTo("prefill");
        assertThat(line.path("gmac_per_s").asDouble()).isPositive();
    }

    @Test
    void unknownKernelsAreRefused() throws IOException {
        assertThat(execute("prefill", "--kernels", "magic")).isEqualTo(1);
    }

    private JsonNode run(String... arguments) throws IOException {
        assertThat(execute(arguments)).isZero();
        return JsonMapper.shared().readTree(Files.readString(results()));
    }

    private int execute(String... arguments) throws IOException {
        List<String> all = new ArrayList<>(List.of(arguments));
        all.add(TinyModels.llama().write(folder).toString());
        all.addAll(List.of("--rounds", "1", "--threads", "1", "--results", results().toString()));
        return Main.commandLine().execute(all.toArray(String[]::new));
    }

    private Path results() {
        return folder.resolve("results.jsonl");
    }
}
