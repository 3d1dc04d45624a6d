package dev.millrace.server.cli;

import dev.millrace.models.Model;
import dev.millrace.models.TensorEntry;
import dev.millrace.models.fixtures.GgufWriter;
import dev.millrace.models.fixtures.MixtureDirectory;
import dev.millrace.models.gguf.GgufTensorType;
import dev.millrace.server.cli.CommandLineFixture.Result;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

import static org.assertj.core.api.Assertions.assertThat;

/** A directory and the GGUF file that is made of it are the same model. */
class QuantizeDirectoryTest {

    private static final String TOKENIZER = """
            {"model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": ["a b"]},
            "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "use_regex": true},
            "decoder": {"type": "ByteLevel"},
            "added_tokens": [{"id": 3, "content": "<s>", "special": true}]}""";

    private static final String DATA = "MILLRACE_TEST_DATA";
    private static final List<String> IN_SOURCE = List.of("gpt-oss", "gpt-oss-mxfp4", "qwen2-moe",
            "llama-linear", "llama-yarn", "phi3-longrope");
    private static final List<String> IN_DATA = List.of("llama2", "llama3-rope-scaling-tied",
            "llama-head-dim-bf16", "mistral-sliding-window", "mixtral", "qwen2", "qwen3",
            "qwen3-moe", "gemma2", "gemma3", "phi3", "smollm3", "granite", "olmo2");

    @TempDir
    Path folder;

    private CommandLineFixture cli;

    @BeforeEach
    void createProgram() {
        cli = new CommandLineFixture(folder);
    }

    private String greedy(Path model, String... more) {
        List<Object> arguments = new ArrayList<>(List.of("run", model, "--prompt-ids",
                "1,5,9,17,33,2,8", "--print-ids", "--temperature", "0", "-n", "16",
                "--ignore-end", "--kernels", "vector"));
        arguments.addAll(List.of(more));
        Result result = cli.run(arguments.toArray());
        assertThat(result.status()).as(result.err()).isZero();
        return result.out();
    }

    private Path quantize(Path directory, String type) {
        Path out = folder.resolve(type + ".gguf");
        Result result = cli.run("quantize", directory, out, type);
        assertThat(result.status()).as(result.err()).isZero();
        return out;
    }

    @Test
    void aMixtureStaysTheSame() {
        Path directory = MixtureDirectory.write(folder.resolve("mixture"));
        Path out = quantize(directory, "f32");
        assertThat(greedy(out)).isEqualTo(greedy(directory));
        assertThat(cli.run("inspect", out).out()).containsPattern("ffn_down_exps.weight +F32");
        assertThat(greedy(quantize(directory, "f16"))).hasSameSizeAs(greedy(directory));
    }

    @Test
    void theTokenizerAndTheTemplateComeAlong() throws IOException {
        Path directory = MixtureDirectory.write(folder.resolve("mixture"));
        Files.writeString(directory.resolve("tokenizer.json"), TOKENIZER);
        Files.writeString(directory.resolve("tokenizer_config.json"), "{\"bos_token\": \"<s>\"}");
        Files.writeString(directory.resolve("chat_template.jinja"),
                "{% for m in messages %}{{ m['content'] }}{% endfor %}");
        Path out = quantize(directory, "f32");
        assertThat(cli.typing("abba").run("tokenize", out, "--ids").out()).isNotBlank()
                .isEqualTo(cli.typing("abba").run("tokenize", directory, "--ids").out());
        try (Model before = Model.open(directory); Model after = Model.open(out)) {
            assertThat(before.tokenizerProblem()).isEmpty();
            assertThat(after.tokenizerProblem()).isEmpty();
            assertThat(after.tokenizer().orElseThrow().encode("abba", true))
                    .isEqualTo(before.tokenizer().orElseThrow().encode("abba", true));
            assertThat(after.chatTemplate()).isPresent();
        }
    }

    @Test
    void aSentencePieceModelBecomesMetadata() throws IOException {
        Path directory = MixtureDirectory.write(folder.resolve("mixture"));
        Files.write(directory.resolve("tokenizer.model"), HexFormat.of().parseHex(
                "0a0e0a053c756e6b3e150000000018020a0c0a033c733e150000000018030a0d0a043c2f"
                        + "733e150000000018030a0a0a016115000080bf18010a0a0a0162150000a0bf18010a0b0a"
                        + "02616215000000bf1801120218021a0418002000"));
        Files.writeString(directory.resolve("tokenizer_config.json"),
                "{\"chat_template\": \"{{ messages[0]['content'] }}\"}");
        Path out = quantize(directory, "f32");
        assertThat(cli.typing("abba").run("tokenize", out, "--ids").out())
                .isEqualTo(cli.typing("abba").run("tokenize", directory, "--ids").out())
                .startsWith("1");
        assertThat(cli.run("inspect", out).out()).containsPattern("tokenizer +yes")
                .containsPattern("chat template +yes");
    }

    @Test
    void importanceCountsAsItDoesForFiles() throws IOException {
        Path directory = fromSource("gpt-oss");
        Path importance = importance();
        Path floats = quantize(directory, "f32");
        Path ofFile = folder.resolve("of-file.gguf");
        Path ofDirectory = folder.resolve("of-directory.gguf");
        Path blind = folder.resolve("blind.gguf");
        cli.run("quantize", floats, ofFile, "q4_0", "--pure", "--imatrix", importance);
        cli.run("quantize", directory, ofDirectory, "q4_0", "--pure", "--imatrix", importance);
        cli.run("quantize", directory, blind, "q4_0", "--pure");
        try (Model a = Model.open(ofFile);
                Model b = Model.open(ofDirectory);
                Model c = Model.open(blind)) {
            int other = 0;
            for (TensorEntry entry : a.tensors()) {
                MemorySegment data = b.tensor(entry.name()).data();
                assertThat(a.tensor(entry.name()).data().mismatch(data)).as("%s", entry)
                        .isEqualTo(-1);
                other += data.mismatch(c.tensor(entry.name()).data()) < 0 ? 0 : 1;
            }
            assertThat(other).isEqualTo(3);
        }
    }

    /** Of a matrix, of experts one by one, and of experts that are all alike. */
    private Path importance() {
        GgufWriter writer = new GgufWriter().string("general.type", "imatrix");
        Random random = new Random(4);
        Map.of("blk.0.attn_q", 1, "blk.0.ffn_up_exps", 4, "blk.1.ffn_down_exps", 1)
                .forEach((name, planes) -> {
                    ByteBuffer sums = ByteBuffer.allocate(4 * 32 * planes)
                            .order(ByteOrder.LITTLE_ENDIAN);
                    while (sums.hasRemaining()) {
                        sums.putFloat((float) Math.pow(10, 4 * random.nextDouble()));
                    }
                    ByteBuffer counts = ByteBuffer.allocate(4 * planes)
                            .order(ByteOrder.LITTLE_ENDIAN);
                    while (counts.hasRemaining()) {
                        counts.putFloat(1 + random.nextInt(3));
                    }
                    writer.tensor(name + ".weight.in_sum2", GgufTensorType.F32, sums.array(),
                            32L * planes)
                            .tensor(name + ".weight.counts", GgufTensorType.F32, counts.array(),
                                    planes);
                });
        return writer.write(folder.resolve("imatrix.gguf"));
    }

    /** Models of the source, and of the directory of test data where there is one. */
    static List<String> families() {
        List<String> names = new ArrayList<>(IN_SOURCE);
        if (System.getenv(DATA) != null) {
            names.addAll(IN_DATA);
        }
        return names;
    }

    /** Those whose experts do not have four bits already. */
    static List<String> familiesOfFloats() {
        return families().stream().filter(name -> !name.endsWith("mxfp4")).toList();
    }

    private Path directory(String name) throws IOException {
        return IN_SOURCE.contains(name)
                ? fromSource(name)
                : Path.of(System.getenv(DATA), "architectures", name);
    }

    private Path fromSource(String name) throws IOException {
        Path directory = Files.createDirectory(folder.resolve(name));
        for (String file : List.of("config.json", "model.safetensors")) {
            try (InputStream content = getClass().getResourceAsStream(
                    "/architectures/" + name + "/" + file)) {
                Files.copy(content, directory.resolve(file));
            }
        }
        return directory;
    }

    /** Queries and keys turn in halves here, and in pairs in some files. */
    @ParameterizedTest
    @MethodSource("families")
    void everyFamilyStaysTheSame(String name) throws IOException {
        Path directory = directory(name);
        assertThat(greedy(quantize(directory, "f32"))).isEqualTo(greedy(directory));
    }

    /** With fewer bits, at load or ahead of time; experts that have four already stay at load. */
    @ParameterizedTest
    @MethodSource("familiesOfFloats")
    void everyFamilyIsQuantisedAlikeAtLoadAndAheadOfTime(String name) throws IOException {
        Path directory = directory(name);
        for (String type : List.of("q8_0", "q4_0")) {
            assertThat(greedy(quantize(directory, type))).as("%s", type)
                    .isEqualTo(greedy(directory, "--quantize", type));
        }
    }
}
