package dev.millrace.models;

import dev.millrace.models.text.TextSpan;
import dev.millrace.models.text.TokenStreamDecoder;
import dev.millrace.models.text.Tokenizer;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.condition.EnabledIfEnvironmentVariable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

import static org.assertj.core.api.Assertions.assertThat;

/**
 * The 32,000 pieces of Llama's vocabulary against what llama.cpp's llama-tokenize makes of the same
 * texts: {@code plain} with its {@code --no-parse-special}, {@code special} without.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@EnabledIfEnvironmentVariable(named = "MILLRACE_TEST_DATA", matches = ".+")
class LlamaVocabularyTest {

    private record Case(String text, int[] plain, int[] special) {}

    private Model model;
    private Tokenizer tokenizer;

    @BeforeAll
    void open() {
        model = Model.open(Path.of(System.getenv("MILLRACE_TEST_DATA"),
                "models/stories15M-Q8_0.gguf"));
        tokenizer = model.tokenizer().orElseThrow();
    }

    @AfterAll
    void close() {
        model.close();
    }

    private static Stream<Case> cases() throws Exception {
        try (InputStream in = LlamaVocabularyTest.class
                .getResourceAsStream("llama-encodings.json")) {
            JsonNode cases = JsonMapper.shared().readTree(in);
            return StreamSupport.stream(cases.spliterator(), false).map(node -> {
                int[] plain = ints(node.get("plain"));
                return new Case(node.get("text").asString(), plain,
                        node.has("special") ? ints(node.get("special")) : plain);
            });
        }
    }

    private static int[] ints(JsonNode array) {
        return IntStream.range(0, array.size()).map(i -> array.get(i).asInt()).toArray();
    }

    @ParameterizedTest
    @MethodSource("cases")
    void encodesUntrustedTextAsLlamaCppDoesWithoutSpecialTokens(Case example) {
        assertThat(tokenizer.encode(example.text, false)).containsExactly(example.plain);
    }

    @ParameterizedTest
    @MethodSource("cases")
    void encodesTrustedTextAsLlamaCppDoesWithSpecialTokens(Case example) {
        assertThat(tokenizer.encode(List.of(new TextSpan(example.text, true)), false))
                .containsExactly(example.special);
    }

    @ParameterizedTest
    @MethodSource("cases")
    void cutsBetweenTrustedSpansChangeNothing(Case example) {
        String text = example.text;
        for (int cut = 1; cut < text.length(); cut++) {
            List<TextSpan> spans = List.of(new TextSpan(text.substring(0, cut), true),
                    new TextSpan(text.substring(cut), true));
            assertThat(tokenizer.encode(spans, false)).containsExactly(example.special);
        }
    }

    @ParameterizedTest
    @MethodSource("cases")
    void decodesWhatItEncoded(Case example) {
        // U+2581 is how the vocabulary itself writes a space: it comes back as one.
        String expected = example.text.replace('\u2581', ' ');
        int[] tokens = tokenizer.encode(example.text, true);
        assertThat(tokenizer.decode(tokens)).isEqualTo(expected);
        TokenStreamDecoder decoder = new TokenStreamDecoder();
        StringBuilder streamed = new StringBuilder();
        for (int token : tokens) {
            streamed.append(decoder.accept(tokenizer.bytes(token)));
        }
        streamed.append(decoder.finish());
        assertThat(streamed.toString()).isEqualTo(example.text.isEmpty() ? "" : " " + expected);
    }

    @Test
    void knowsItsSpecialTokens() {
        assertThat(tokenizer.vocabularySize()).isEqualTo(32_000);
        assertThat(tokenizer.startToken()).isEqualTo(1);
        assertThat(tokenizer.endToken()).isEqualTo(2);
        assertThat(tokenizer.addsStart()).isTrue();
        assertThat(IntStream.range(0, 32_000).filter(tokenizer::endsGeneration)).containsExactly(2);
        assertThat(tokenizer.encode("Once upon a time", true))
                .containsExactly(1, 9038, 2501, 263, 931);
        assertThat(tokenizer.piece(9038)).isEqualTo("\u2581Once");
        assertThat(tokenizer.bytes(9038)).asString().isEqualTo(" Once");
        assertThat(tokenizer.bytes(13)).containsExactly('\n');
    }
}
