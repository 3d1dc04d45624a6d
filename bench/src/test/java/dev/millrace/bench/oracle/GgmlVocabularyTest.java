package dev.millrace.bench.oracle;

import dev.millrace.models.text.Tokenizer;
import dev.millrace.models.tokenizers.TokenizerFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfEnvironmentVariable;
import org.junit.jupiter.api.io.TempDir;

import static org.assertj.core.api.Assertions.assertThat;

/** The vocabularies in the source of llama.cpp, with its texts (.inp) and their tokens (.out). */
@EnabledIfEnvironmentVariable(named = "MILLRACE_TEST_DATA", matches = ".+")
class GgmlVocabularyTest {

    static final String SOURCE = "npm:@milk2025/llama-cpp-source@0.0.9888"
            + "/llama.cpp-b9888.tar.gz";
    private static final String SEPARATOR = "\n__ggml_vocab_test__\n";
    private static final int VOCABULARIES_WITH_TEXTS = 15;

    @TempDir
    Path folder;

    @Test
    void everyVocabularyEncodesItsTextsAsLlamaCppDoes() throws Exception {
        Path archive = PublishedFiles.pull(SOURCE);
        List<Path> files = TarFile.unpack(archive, name -> name.startsWith("ggml-vocab-"), folder);
        int checked = 0;
        for (Path file : files) {
            if (file.toString().endsWith(".gguf")) {
                Tokenizer tokenizer = TokenizerFiles.open(file);
                Path texts = Path.of(file + ".inp");
                checked += Files.exists(texts) ? 1 : 0;
                if (Files.exists(texts)) {
                    check(tokenizer, texts, Path.of(file + ".out"));
                }
            }
        }
        assertThat(checked).isEqualTo(VOCABULARIES_WITH_TEXTS);
    }

    private static void check(Tokenizer tokenizer, Path texts, Path tokens) throws IOException {
        String[] inputs = Files.readString(texts).split(SEPARATOR, -1);
        List<String> outputs = Files.readAllLines(tokens);
        assertThat(outputs).as(tokens.toString()).hasSizeGreaterThan(40);
        for (int i = 0; i < outputs.size(); i++) {
            int[] expected = Arrays.stream(outputs.get(i).strip().split(" +"))
                    .filter(id -> !id.isEmpty()).mapToInt(Integer::parseInt).toArray();
            assertThat(tokenizer.encode(inputs[i], false)).as("%s, text %d", texts, i)
                    .isEqualTo(expected);
        }
    }
}
