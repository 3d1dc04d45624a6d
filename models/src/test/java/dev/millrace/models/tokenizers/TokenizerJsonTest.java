package dev.millrace.models.tokenizers;

import dev.millrace.models.ModelException;
import dev.millrace.models.text.TextSpan;
import dev.millrace.models.text.Tokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.params.provider.Arguments.arguments;

class TokenizerJsonTest {

    private static final String BYTE_LEVEL = "{\"type\": \"ByteLevel\","
            + " \"add_prefix_space\": false, \"use_regex\": true}";
    private static final String SPACES = "{\"type\": \"Replace\", \"pattern\": {\"String\": \" \"},"
            + " \"content\": \"\u2581\"}";

    @TempDir
    Path folder;

    /** Pieces h, e, l, o, the space, "he", "ll", "hell", "hello", and two added tokens. */
    private static TokenizerJsonFixture bytes() {
        return new TokenizerJsonFixture()
                .pieces("h", "e", "l", "o", "\u0120", "he", "ll", "hell", "hello")
                .merges("h e", "l l", "he ll", "hell o").added("<|end|>", true)
                .added("<tool>", false)
                .set("pre_tokenizer", BYTE_LEVEL).set("decoder", BYTE_LEVEL);
    }

    private static List<String> split(Tokenizer tokenizer, TextSpan... spans) {
        return Arrays.stream(tokenizer.encode(List.of(spans), false)).mapToObj(tokenizer::piece)
                .toList();
    }

    private static List<String> split(Tokenizer tokenizer, String text) {
        return split(tokenizer, new TextSpan(text, true));
    }

    @Test
    void mergesBytesInTheOrderOfTheMerges() {
        Tokenizer tokenizer = bytes().open(folder);
        assertThat(split(tokenizer, "hello hell")).containsExactly("hello", "\u0120", "hell");
        assertThat(split(tokenizer, "ehelol")).containsExactly("e", "he", "l", "o", "l");
        assertThat(tokenizer.decode(tokenizer.encode("hello hell", false)))
                .isEqualTo("hello hell");
        assertThat(tokenizer.vocabularySize()).isEqualTo(11);
    }

    @Test
    void theSameWordsAgainAreTheSameTokens() {
        Tokenizer tokenizer = bytes().open(folder);
        int[] once = tokenizer.encode("hello hell hehe", false);
        assertThat(tokenizer.encode("hello hell hehe", false)).isEqualTo(once);
    }

    @Test
    void specialTokensAreTheTemplatesOnly() {
        Tokenizer tokenizer = bytes().open(folder);
        assertThat(split(tokenizer, "he<|end|>llo<tool>"))
                .containsExactly("he", "<|end|>", "ll", "o", "<tool>");
        assertThat(split(tokenizer, new TextSpan("<|end|>h", false))).doesNotContain("<|end|>");
        assertThat(split(tokenizer, new TextSpan("h<tool>", false)))
                .containsExactly("h", "<tool>");
        assertThat(split(tokenizer, new TextSpan("<|en", true), new TextSpan("d|>h", false)))
                .doesNotContain("<|end|>");
        assertThat(tokenizer.bytes(9)).isEmpty();
        assertThat(tokenizer.bytes(10)).asString().isEqualTo("<tool>");
    }

    @Test
    void wordsGoOnFromSpanToSpan() {
        Tokenizer tokenizer = bytes().open(folder);
        assertThat(split(tokenizer, new TextSpan("he", true), new TextSpan("llo", false)))
                .containsExactly("hello");
    }

    @Test
    void noMergeMakesASpecialToken() {
        Tokenizer tokenizer = new TokenizerJsonFixture().pieces("<", "s", ">", "<s", "<s>")
                .merges("< s", "<s >").set("added_tokens",
                        "[{\"id\": 4, \"content\": \"<s>\", \"special\": true}]")
                .model("ignore_merges", true).open(folder);
        assertThat(split(tokenizer, "<s>")).containsExactly("<s>");
        assertThat(split(tokenizer, new TextSpan("<s>", false))).containsExactly("<s", ">");
    }

    @Test
    void addedTokensObeyTheirConditions() {
        Tokenizer tokenizer = bytes().added("<l>", true, "lstrip").added("<r>", true, "rstrip")
                .added("oo", false, "single_word").open(folder);
        assertThat(split(tokenizer, "h  <l>  h")).containsExactly("h", "<l>", "\u0120", "\u0120",
                "h");
        assertThat(split(tokenizer, "h <r>  h")).containsExactly("h", "\u0120", "<r>", "h");
        assertThat(split(tokenizer, "oo hooh oo")).containsExactly("oo", "\u0120", "h", "o", "o",
                "h", "\u0120", "oo");
    }

    @Test
    void startAndEndComeFromThePostProcessor() {
        Tokenizer tokenizer = bytes().added("<go>", true).set("post_processor", """
                {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<go>"}},
                  {"Sequence": {"id": "A"}}, {"SpecialToken": {"id": "<|end|>"}}],
                 "special_tokens": {"<go>": {"ids": [11]}, "<|end|>": {"ids": [9]}}}""")
                .open(folder);
        assertThat(tokenizer.addsStart()).isTrue();
        assertThat(tokenizer.encode("h", true)).containsExactly(11, 0);
        assertThat(tokenizer.encode(List.of(new TextSpan("<go>h", true)), true))
                .containsExactly(11, 0);
        assertThat(tokenizer.encodeWhole(List.of(new TextSpan("h", false))))
                .containsExactly(11, 0, 9);
        assertThat(tokenizer.endsGeneration(9)).isTrue();
        assertThat(tokenizer.endsGeneration(11)).isFalse();
    }

    @Test
    void startAndEndComeFromTheFilesBesideIt() throws IOException {
        Files.writeString(folder.resolve("tokenizer_config.json"), """
                {"bos_token": {"content": "<tool>"}, "eos_token": "<|end|>"}""");
        Files.writeString(folder.resolve("generation_config.json"), "{\"eos_token_id\": [3, 9]}");
        bytes().write(folder);
        Tokenizer tokenizer = TokenizerFiles.open(folder);
        assertThat(tokenizer.startToken()).isEqualTo(10);
        assertThat(tokenizer.addsStart()).isFalse();
        assertThat(tokenizer.endToken()).isEqualTo(9);
        assertThat(tokenizer.endsGeneration(3)).isTrue();
    }

    @Test
    void charactersFallBackToBytesAndThenToTheUnknownToken() {
        TokenizerJsonFixture fixture = new TokenizerJsonFixture()
                .pieces("<unk>", "\u2581", "a", "\u2581a", "<0xC3>", "<0xA9>")
                .merges("\u2581 a").set("normalizer", SPACES).model("byte_fallback", true)
                .model("unk_token", "<unk>").model("fuse_unk", true);
        Tokenizer tokenizer = fixture.open(folder);
        assertThat(split(tokenizer, "a a\u00e9xya")).containsExactly("a", "\u2581a", "<0xC3>",
                "<0xA9>", "<unk>", "a");
        assertThat(tokenizer.decode(new int[]{2, 3, 4, 5})).isEqualTo("a a\u00e9");
    }

    private static Arguments refused(String name, TokenizerJsonFixture fixture, String... told) {
        return arguments(name, fixture, told);
    }

    private static Stream<Arguments> unusable() {
        return Stream.of(
                refused("an unknown pattern", bytes().set("pre_tokenizer", """
                        {"type": "Split", "pattern": {"Regex": "a|b"}, "behavior": "Isolated"}"""),
                        "split its text by the pattern", "a|b"),
                refused("an unknown stage", bytes().set("pre_tokenizer", "{\"type\": \"Odd\"}"),
                        "the pre_tokenizer \"Odd\""),
                refused("an unknown normalizer", bytes().set("normalizer", "{\"type\": \"Odd\"}"),
                        "the normalizer \"Odd\""),
                refused("an unknown model", bytes().model("type", "Odd"), "the model \"Odd\""),
                refused("random merges", bytes().model("dropout", 0.1), "at random"),
                refused("a merge into nothing", bytes().merges("o o"), "merge 4", "\"oo\""),
                refused("a merge of nothing", bytes().merges(" o"), "merge 4", "\"\""),
                refused("a merge of three", bytes().merges("h e l"), "two halves"),
                refused("an id beyond all limits", bytes().set("added_tokens", """
                        [{"id": 2000000000, "content": "x"}]"""), "no usable id"),
                refused("no model", bytes().set("model", "null"), "the model \"\""));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("unusable")
    void refusesWhatItCannotDoExactly(String name, TokenizerJsonFixture fixture, String... told) {
        assertThatThrownBy(() -> fixture.open(folder)).isInstanceOf(ModelException.class)
                .hasMessageContainingAll(told);
    }

    @Test
    void refusesWhatIsNoTokenizer() throws IOException {
        assertThatThrownBy(() -> TokenizerFiles.open(folder)).isInstanceOf(ModelException.class)
                .hasMessageContaining("there is no tokenizer");
        Path file = Files.writeString(folder.resolve("tokenizer.json"), "{\"model\": {");
        assertThatThrownBy(() -> TokenizerFiles.open(file)).isInstanceOf(ModelException.class)
                .hasMessageContaining("no tokenizer.json");
        Files.writeString(file, "[1]");
        assertThatThrownBy(() -> TokenizerFiles.open(file)).isInstanceOf(ModelException.class)
                .hasMessageContaining("expected an object");
    }
}
