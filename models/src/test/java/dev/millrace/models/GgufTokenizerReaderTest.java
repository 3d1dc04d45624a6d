package dev.millrace.models;

import dev.millrace.models.fixtures.GgufWriter;
import dev.millrace.models.fixtures.TinyModels;
import dev.millrace.models.fixtures.TinyVocabulary;
import dev.millrace.models.text.TextSpan;
import dev.millrace.models.text.Tokenizer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.params.provider.Arguments.arguments;

class GgufTokenizerReaderTest {

    private static final String PREFIX = "tokenizer.ggml.";

    @TempDir
    Path folder;

    private Model open(GgufWriter writer) {
        return Model.open(writer.write(folder.resolve("model.gguf")));
    }

    /** A model with a vocabulary of its own: four special tokens, filled up to 300. */
    private static GgufWriter withPieces(String... added) {
        List<String> pieces = new ArrayList<>(List.of("<unk>", "<s>", "</s>", "a"));
        pieces.addAll(List.of(added));
        while (pieces.size() < 300) {
            pieces.add("filling " + pieces.size());
        }
        return TinyModels.llama().vocabularySize(300).withoutVocabulary().writer()
                .string(PREFIX + "model", "llama").strings(PREFIX + "tokens", pieces)
                .float32s(PREFIX + "scores", new float[300]);
    }

    @Test
    void readsTheTinyVocabulary() {
        try (Model model = open(TinyModels.llama().writer())) {
            Tokenizer tokenizer = model.tokenizer().orElseThrow();
            assertThat(model.tokenizerProblem()).isEmpty();
            assertThat(tokenizer.vocabularySize()).isEqualTo(384);
            assertThat(tokenizer.startToken()).isEqualTo(TinyVocabulary.START);
            assertThat(tokenizer.endToken()).isEqualTo(TinyVocabulary.END);
            assertThat(tokenizer.endsGeneration(TinyVocabulary.END)).isTrue();
            assertThat(tokenizer.endsGeneration(TinyVocabulary.START)).isFalse();
            String text = "The thing is that you and I was on it, 42 times.\n\u0000🙂";
            int[] tokens = tokenizer.encode(text, true);
            assertThat(tokens).startsWith(TinyVocabulary.START).hasSizeLessThan(text.length());
            assertThat(tokenizer.decode(tokens)).isEqualTo(text);
        }
    }

    @Test
    void everyPieceOfTheTinyVocabularyIsReachedByMerging() {
        try (Model model = open(TinyModels.llama().writer())) {
            Tokenizer tokenizer = model.tokenizer().orElseThrow();
            int least = TinyVocabulary.LEAST_SIZE;
            for (int token = 3 + 256; token < least; token++) {
                String piece = tokenizer.piece(token);
                int[] tokens = tokenizer.encode("\n" + piece.replace('\u2581', ' '), false);
                assertThat(tokens[tokens.length - 1]).as(piece).isEqualTo(token);
            }
        }
    }

    @Test
    void readsAVocabularyWithoutTypes() {
        try (Model model = open(withPieces("<0x41>", "<0xC3>"))) {
            Tokenizer tokenizer = model.tokenizer().orElseThrow();
            assertThat(tokenizer.bytes(4)).containsExactly('A');
            assertThat(tokenizer.bytes(1)).isEmpty();
            assertThat(tokenizer.encode(List.of(new TextSpan("</s>", true)), true))
                    .containsExactly(1, 2);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"<|im_end|>", "<|eot_id|>", "<|end|>", "<end_of_turn>", "<|eom_id|>"})
    void knownEndsOfTurnsEndAGenerationWhateverTheirType(String piece) {
        try (Model model = open(withPieces("b", piece).int32s(PREFIX + "token_type",
                IntStream.generate(() -> 1).limit(300).toArray()))) {
            Tokenizer tokenizer = model.tokenizer().orElseThrow();
            assertThat(IntStream.range(0, 300).filter(tokenizer::endsGeneration))
                    .containsExactly(2, 5);
            assertThat(tokenizer.bytes(5)).isEmpty();
            assertThat(tokenizer.encode(List.of(new TextSpan(piece, true)), false))
                    .containsExactly(5);
            assertThat(tokenizer.encode(piece, false)).doesNotContain(5);
        }
    }

    @Test
    void endsOfTurnsInTheMetadataEndAGeneration() {
        try (Model model = open(withPieces().uint32(PREFIX + "eos_token_id", 7)
                .uint32(PREFIX + "eot_token_id", 8).uint32(PREFIX + "eom_token_id", 9))) {
            Tokenizer tokenizer = model.tokenizer().orElseThrow();
            assertThat(tokenizer.endToken()).isEqualTo(7);
            assertThat(IntStream.range(0, 300).filter(tokenizer::endsGeneration))
                    .containsExactly(2, 7, 8, 9);
        }
    }

    @Test
    void idsBeyondTheVocabularyMeanThatThereIsNone() {
        try (Model model = open(withPieces().uint32(PREFIX + "bos_token_id", 0xffff_ffffL)
                .uint32(PREFIX + "eos_token_id", 300))) {
            Tokenizer tokenizer = model.tokenizer().orElseThrow();
            assertThat(tokenizer.startToken()).isEqualTo(-1);
            assertThat(tokenizer.addsStart()).isFalse();
            assertThat(tokenizer.endToken()).isEqualTo(-1);
            assertThat(tokenizer.encode("a", true)).doesNotContain(-1);
        }
    }

    @Test
    void obeysTheSwitchesForStartAndSpace() {
        try (Model model = open(withPieces().bool(PREFIX + "add_bos_token", false)
                .bool(PREFIX + "add_space_prefix", false))) {
            Tokenizer tokenizer = model.tokenizer().orElseThrow();
            assertThat(tokenizer.addsStart()).isFalse();
            assertThat(tokenizer.encode("a", true)).containsExactly(3);
        }
    }

    private static Arguments change(String name, Consumer<GgufWriter> change, String... told) {
        return arguments(name, change, told);
    }

    private static Stream<Arguments> unusable() {
        return Stream.of(
                change("another kind", w -> w.replaceString(PREFIX + "model", "rwkv"),
                        "tokenizer.ggml.model is \"rwkv\"", "one of llama, gpt2"),
                change("no merges", w -> w.replaceString(PREFIX + "model", "gpt2"), "lacks",
                        "ggml.merges"),
                change("a strange way to cut", w -> w.replaceString(PREFIX + "model", "gpt2")
                        .string(PREFIX + "pre", "odd"), "pre is \"odd\"", "wrong tokens"),
                change("a merge of nothing", w -> w.replaceString(PREFIX + "model", "gpt2")
                        .strings(PREFIX + "merges", List.of("a a")), "merges is \"a a\"",
                        "the vocabulary lacks"),
                change("no kind", w -> w.remove(PREFIX + "model"), "lacks", "ggml.model"),
                change("no tokens", w -> w.remove(PREFIX + "tokens"), "lacks", "ggml.tokens"),
                change("too few tokens", w -> w.remove(PREFIX + "tokens")
                        .strings(PREFIX + "tokens", List.of("a", "b")), "array of 2 STRING",
                        "array of 300 STRING"),
                change("too few scores", w -> w.remove(PREFIX + "scores")
                        .float32s(PREFIX + "scores", 1, 2, 3), "array of 3 FLOAT32"),
                change("scores that are no numbers", w -> w.remove(PREFIX + "scores")
                        .int32s(PREFIX + "scores", new int[300]), "array of 300 INT32"),
                change("a score of NaN", w -> {
                    float[] scores = new float[300];
                    scores[299] = Float.NaN;
                    w.remove(PREFIX + "scores").float32s(PREFIX + "scores", scores);
                }, "NaN for token 299"),
                change("types in words", w -> w.string(PREFIX + "token_type", "normal"),
                        "token_type is \"normal\"", "an array"));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("unusable")
    void aModelWithoutAUsableVocabularyStillOpens(String name, Consumer<GgufWriter> change,
            String... told) {
        GgufWriter writer = withPieces();
        change.accept(writer);
        try (Model model = open(writer)) {
            assertThat(model.tokenizer()).isEmpty();
            assertThat(model.tokenizerProblem().orElseThrow()).contains(told);
            assertThat(model.weights().get(WeightRole.TOKEN_EMBEDDING).shape().rows())
                    .isEqualTo(300);
        }
    }
}
