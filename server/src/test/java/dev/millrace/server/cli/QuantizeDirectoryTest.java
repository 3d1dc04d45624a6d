package dev.millrace.server.cli;

import dev.millrace.models.Model;
import dev.millrace.models.fixtures.MixtureDirectory;
import dev.millrace.server.cli.CommandLineFixture.Result;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfEnvironmentVariable;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import static org.assertj.core.api.Assertions.assertThat;

/** A directory and the GGUF file that is made of it are the same model. */
class QuantizeDirectoryTest {

    private static final String TOKENIZER = """
            {"model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": ["a b"]},
            "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "use_regex": true},
            "decoder": {"type": "ByteLevel"},
            "added_tokens": [{"id": 3, "content": "<s>", "special": true}]}""";

    @TempDir
    Path folder;

    private CommandLineFixture cli;

    @BeforeEach
    void createProgram() {
        cli = new CommandLineFixture(folder);
    }

    private String greedy(Path model) {
        Result result = cli.run("run", model, "--prompt-ids", "1,5,9,17,33,2,8", "--print-ids",
                "--temperature", "0", "-n", "16", "--ignore-end", "--kernels", "vector");
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
    void importanceIsForTensorsOfFiles() {
        Path directory = MixtureDirectory.write(folder.resolve("mixture"));
        assertThat(cli.run("quantize", directory, folder.resolve("out.gguf"), "f16", "--imatrix",
                "m.dat").err()).contains("--imatrix names the tensors of a GGUF file");
    }

    /** Of every family: queries and keys turn in halves here, and in pairs in some files. */
    @ParameterizedTest
    @ValueSource(strings = {"llama2", "llama3-rope-scaling-tied", "llama-head-dim-bf16",
        "mistral-sliding-window", "mixtral", "qwen2", "qwen3", "qwen3-moe", "gemma3", "phi3",
        "smollm3", "granite", "olmo2"})
    @EnabledIfEnvironmentVariable(named = "MILLRACE_TEST_DATA", matches = ".+")
    void everyFamilyStaysTheSame(String name) {
        Path directory = Path.of(System.getenv("MILLRACE_TEST_DATA"), "architectures", name);
        assertThat(greedy(quantize(directory, "f32"))).isEqualTo(greedy(directory));
    }
}
