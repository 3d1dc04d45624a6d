package dev.millrace.server.cli;

import dev.millrace.kernels.Dequantizer;
import dev.millrace.kernels.QuantFormat;
import dev.millrace.kernels.QuantTensor;
import dev.millrace.kernels.cpu.CpuKernels;
import dev.millrace.models.Model;
import dev.millrace.models.TensorEntry;
import dev.millrace.models.fixtures.MixtureDirectory;
import dev.millrace.models.fixtures.TinyModels;
import dev.millrace.models.gguf.GgufTensorType;
import dev.millrace.models.store.ByteCounts;
import dev.millrace.server.fixtures.RankerFixture;
import dev.millrace.server.wiring.EmulatedGpu;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

import static org.assertj.core.api.Assertions.*;

class InspectCommandTest {

    @TempDir
    Path folder;

    private CommandLineFixture cli;
    private Path model;

    @BeforeEach
    void writeTinyModel() {
        cli = new CommandLineFixture(folder);
        model = TinyModels.llama().format(GgufTensorType.Q8_0).write(folder);
    }

    @Test
    void tellsSizesMemoryMetadataAndTensors() {
        String out = cli.run("inspect", model).out();

        assertThat(out).containsPattern("MODEL +Tiny Q8_0").containsPattern("context +256 tokens")
                .containsPattern("licence +unknown: The model does not say")
                .containsPattern("f32 +768 B").containsPattern("f16 +384 B")
                .containsPattern("q8_0 +208 B")
                .containsPattern("llama.block_count +2\n")
                .containsPattern("tokenizer.ggml.tokens +\\[<unk>, <s>, .* 384 in all]")
                .containsPattern("Q8_0 +16 +\\d")
                .containsPattern("blk.1.ffn_down.weight +Q8_0 +64 x 128 +8.70 kB");
    }

    @Test
    void tellsWhatATokenUsesOfAMixtureOfExpertsInADirectory() {
        Path directory = MixtureDirectory.write(folder.resolve("mixture"));

        assertThat(cli.run("inspect", directory).out()).containsPattern("architecture +mixtral")
                .containsPattern("parameters +5,552, of which 4,016 a token")
                .containsPattern("feed forward +16 in each of 4 experts, 2 a token")
                .containsPattern("hidden_size +16");
    }

    @Test
    void tellsTheMemoryThatPackedWeightsTake() throws IOException {
        for (String kernels : List.of("vector", "scalar")) {
            CpuKernels chosen = kernels.equals("vector")
                    ? CpuKernels.vector()
                    : CpuKernels.scalar();
            long packedBytes = 0;
            try (Model opened = Model.open(model)) {
                for (TensorEntry entry : opened.tensors()) {
                    packedBytes += entry.type().equals("Q8_0")
                            ? chosen.packedBytes(QuantFormat.Q8_0, entry.shape())
                            : entry.bytes();
                }
            }

            assertThat(cli.run("inspect", model, "--kernels", kernels).out())
                    .containsPattern("weights, packed +" + ByteCounts.text(packedBytes));
            assertThat(json(model, "--kernels", kernels).at("/memory/weight_bytes").longValue())
                    .isEqualTo(packedBytes);
        }
    }

    @Test
    void reckonsTheMemoryOfAContextAndABatch() throws IOException {
        JsonNode usual = json(model).path("memory");
        JsonNode asked = json(model, "--context", 64, "--sequences", 3, "--kv", "q8_0",
                "--memory", "1GB").path("memory");

        assertThat(usual.path("context_tokens").intValue()).isEqualTo(256);
        assertThat(usual.path("sequences").intValue()).isEqualTo(8);
        assertThat(usual.path("fits").booleanValue()).isTrue();
        assertThat(asked.path("kv").stringValue()).isEqualTo("q8_0");
        assertThat(asked.path("cache_bytes").longValue()).isEqualTo(3 * (64 + 32) * 208);
        assertThat(asked.path("limit_bytes").longValue()).isEqualTo(1_000_000_000);
        assertThat(asked.path("total_bytes").longValue()).isEqualTo(
                asked.path("cache_bytes").longValue() + asked.path("weight_bytes").longValue()
                        + asked.path("buffer_bytes").longValue());
        assertThat(cli.run("inspect", model, "--sequences", 3, "--memory", "64kB").out())
                .contains("MEMORY").contains("3 sequences of 256 tokens, cache in f16")
                .contains(", more than 64.0 kB");
        assertThat(cli.run("inspect", model, "--context", 257).err())
                .contains("more than the 256 that Tiny Q8_0 was made for");
    }

    @Test
    void reckonsWithTheTypeThatWeightsGetAtLoad() throws IOException {
        Path floats = TinyModels.llama().write(Files.createDirectory(folder.resolve("f32")));

        long asTheyAre = json(floats).at("/memory/weight_bytes").longValue();
        assertThat(json(floats, "--quantize", "q8_0").at("/memory/weight_bytes").longValue())
                .isLessThan(asTheyAre / 3);
    }

    @Test
    void writesJsonAsDocumented() throws IOException {
        JsonNode tiny = json(model);
        JsonNode mixture = json(MixtureDirectory.write(folder.resolve("mixture")));

        assertThat(tiny.path("kind").stringValue()).isEqualTo("decoder");
        assertThat(tiny.at("/metadata/tokenizer.ggml.tokens/elements").intValue()).isEqualTo(384);
        assertThat(tiny.at("/licence/id").stringValue()).isEqualTo("unknown");
        assertThat(tiny.at("/tokenizer/present").booleanValue()).isTrue();
        assertThat(tiny.path("provenance").isNull()).isTrue();
        assertThat(mixture.at("/experts/chosen").intValue()).isEqualTo(2);
        assertThat(mixture.path("active_parameters").longValue()).isEqualTo(4016);
        assertThat(cli.run("inspect", model, "--json", "--tensor", "a").err())
                .contains("leave out --tensor");
    }

    @Test
    void tellsOfAnEncoder() throws IOException {
        Path encoder = Files.createDirectory(folder.resolve("bert"));
        for (String name : List.of("config.json", "model.safetensors")) {
            try (InputStream content = getClass().getResourceAsStream("/tiny-bert/" + name)) {
                Files.copy(content, encoder.resolve(name));
            }
        }

        JsonNode report = json(encoder);
        assertThat(report.path("kind").stringValue()).isEqualTo("encoder");
        assertThat(report.path("pooling").stringValue()).isEqualTo("mean");
        assertThat(report.at("/memory/cache_bytes").longValue()).isZero();
        assertThat(report.at("/memory/weight_bytes").longValue()).isPositive();
        assertThat(cli.run("inspect", encoder).out()).containsPattern("pooling +mean")
                .containsPattern("architecture +bert").doesNotContain("CACHE");
    }

    @Test
    void saysThatNoTrainedCrossEncoderWasCompared() throws IOException {
        Path ranker = RankerFixture.write(folder, "bert");

        assertThat(json(ranker).path("pooling").stringValue()).isEqualTo("score");
        assertThat(json(ranker).path("unproven").stringValue()).contains("no trained one");
        assertThat(cli.run("inspect", ranker).out()).containsPattern("UNPROVEN +cross-encoders");
        assertThat(cli.run("embed", ranker, "mill").err())
                .contains("makes no vectors; serve it and ask /v1/rerank");
    }

    @Test
    void foretellsWhatEachGpuTakesOfAModelThatTheyShare(@TempDir Path kernels) throws IOException {
        try (EmulatedGpu gpu = new EmulatedGpu(kernels)) {
            gpu.show(2);
            Object[] shared = {model, "--backend", "cuda", "--tensor-parallel", 2};
            JsonNode memory = json(shared).path("memory");
            List<Long> each = memory.path("gpu_bytes").valueStream().map(JsonNode::longValue)
                    .toList();

            assertThat(memory.path("backend").stringValue()).contains("2 GPUs share the model");
            assertThat(each).hasSize(2).allMatch(bytes -> bytes > 0);
            assertThat(each.getFirst() + each.getLast())
                    .isEqualTo(memory.path("total_bytes").longValue());
            assertThat(cli.run("inspect", model, "--backend", "cuda", "--tensor-parallel", 2).out())
                    .contains("on GPU 1 of 2", "on GPU 2 of 2");
        }
    }

    private JsonNode json(Object... arguments) throws IOException {
        Object[] all = new Object[arguments.length + 2];
        all[0] = "inspect";
        all[1] = "--json";
        System.arraycopy(arguments, 0, all, 2, arguments.length);
        CommandLineFixture.Result result = cli.run(all);
        assertThat(result.err()).isEmpty();
        return DocumentedJson.parse("inspect", result.out());
    }

    @Test
    void printsEveryValueOfATensor() {
        List<String> lines = cli.run("inspect", model, "--tensor", "blk.0.attn_k.weight",
                "--values").out().lines().toList();

        assertThat(lines).hasSize(32).allMatch(line -> line.split(" ").length == 64);
        try (Model opened = Model.open(model)) {
            QuantTensor tensor = opened.tensor("blk.0.attn_k.weight");
            float[] values = new float[32 * 64];
            new Dequantizer(tensor.format()).dequantize(tensor, 0, values.length, values, 0);
            assertThat(Float.parseFloat(lines.get(31).split(" ")[63]))
                    .isEqualTo(values[values.length - 1]);
        }
    }

    @Test
    void suggestsTheTensorThatWasMeant() {
        assertThat(cli.run("inspect", model, "--tensor", "blk.0.atn_k.weight").err())
                .contains("no tensor \"blk.0.atn_k.weight\"; did you mean \"blk.0.attn_k.weight\"");
    }
}
