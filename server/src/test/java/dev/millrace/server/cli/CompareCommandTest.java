package dev.millrace.server.cli;

import dev.millrace.models.fixtures.LoraDirectory;
import dev.millrace.models.fixtures.TinyModels;
import dev.millrace.models.gguf.GgufTensorType;
import dev.millrace.server.cli.CommandLineFixture.Result;
import dev.millrace.server.metering.report.Fidelity;
import dev.millrace.server.metering.report.FidelityFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

import static org.assertj.core.api.Assertions.*;

class CompareCommandTest {

    @TempDir
    Path folder;

    private CommandLineFixture cli;
    private Path model;
    private Path text;

    @BeforeEach
    void writeModelAndText() throws IOException {
        cli = new CommandLineFixture(folder);
        model = TinyModels.llama().write(folder("float"));
        text = Files.writeString(folder.resolve("text.txt"),
                "the hand is on the thing that was in the sand, and you see it at the end. "
                        .repeat(6));
    }

    private Path folder(String name) throws IOException {
        return Files.createDirectory(folder.resolve(name));
    }

    @Test
    void findsAModelTrueToItself() {
        JsonNode result = compare(model, model);

        assertThat(result.path("positions").asInt()).isEqualTo(2 * 15);
        assertThat(result.path("kl_divergence_most").asDouble()).isZero();
        assertThat(result.path("same_choice").asDouble()).isOne();
        assertThat(result.path("perplexity").asDouble())
                .isEqualTo(result.path("perplexity_reference").asDouble());
    }

    @Test
    void findsTheSamePerplexitiesAsTheCommandForThem() throws IOException {
        Path coarse = TinyModels.llama().format(GgufTensorType.Q4_0).write(folder("coarse"));

        JsonNode result = compare(model, coarse);

        assertThat(result.path("kl_divergence").asDouble()).isPositive();
        assertThat(result.path("perplexity_reference").asDouble())
                .isCloseTo(perplexity(model), within(1e-3));
        assertThat(result.path("perplexity").asDouble())
                .isCloseTo(perplexity(coarse), within(1e-3));
        assertThat(cli.run("compare", model, coarse, text, "--ctx", "32").out())
                .contains("same choice", "KL divergence", "reference");
    }

    @Test
    void measuresWhatAnAdapterChanges() throws IOException {
        Path adapter = LoraDirectory.ofTinyLlama(7).write(folder("adapter"));

        JsonNode result = compare(model, model, "--lora", adapter);

        assertThat(result.path("kl_divergence").asDouble()).isPositive();
        assertThat(result.path("perplexity_reference").asDouble())
                .isCloseTo(perplexity(model), within(1e-3));
        assertThat(result.path("perplexity").asDouble())
                .isCloseTo(perplexity(model, "--lora", adapter), within(1e-3));
        Fidelity kept = new FidelityFile(folder).of("tiny:adapter").orElseThrow();
        assertThat(kept.klDivergence()).isEqualTo(result.path("kl_divergence").asDouble());
    }

    private double perplexity(Path path, Object... more) {
        String out = cli.run(with(more, "perplexity", path, text, "--ctx", "32", "--chunks", "2"))
                .out();
        return Double.parseDouble(out.replaceAll("(?s).*perplexity (\\S+) .*", "$1"));
    }

    @Test
    void refusesModelsWithDifferentVocabularies() throws IOException {
        Path other = TinyModels.llama().vocabularySize(400).write(folder("other"));

        Result result = cli.run("compare", model, other, text, "--ctx", "32");

        assertThat(result.status()).isOne();
        assertThat(result.err()).contains("different vocabularies");
    }

    private static Object[] with(Object[] more, Object... first) {
        return Stream.concat(Stream.of(first), Stream.of(more)).toArray();
    }

    private JsonNode compare(Path reference, Path judged, Object... more) {
        Result result = cli.run(with(more, "compare", reference, judged, text, "--ctx", "32",
                "--chunks", "2", "--json"));
        assertThat(result.status()).as(result.err()).isZero();
        return JsonMapper.shared().readTree(result.out());
    }
}
