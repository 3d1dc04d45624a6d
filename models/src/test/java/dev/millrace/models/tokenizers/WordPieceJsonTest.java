package dev.millrace.models.tokenizers;

import dev.millrace.models.text.TextSpan;
import dev.millrace.models.text.Tokenizer;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import static org.assertj.core.api.Assertions.assertThat;

class WordPieceJsonTest {

    @TempDir
    Path folder;

    private Tokenizer tokenizer;

    @BeforeEach
    void open() {
        tokenizer = new TokenizerJsonFixture()
                .pieces("hello", "world", "##s", "##ly", "he", "!", "\u4e16", "cafe", "a", "##b")
                .added("[UNK]", true).added("[CLS]", true).added("[SEP]", true)
                .model("type", "WordPiece").model("unk_token", "[UNK]")
                .model("max_input_chars_per_word", 20)
                .set("normalizer", "{\"type\": \"BertNormalizer\", \"lowercase\": true}")
                .set("pre_tokenizer", "{\"type\": \"BertPreTokenizer\"}")
                .set("decoder", "{\"type\": \"WordPiece\", \"prefix\": \"##\"}")
                .set("post_processor", """
                        {"type": "BertProcessing", "cls": ["[CLS]", 11], "sep": ["[SEP]", 12]}""")
                .open(folder);
    }

    private List<String> split(String text) {
        return Arrays.stream(tokenizer.encode(text, false)).mapToObj(tokenizer::piece).toList();
    }

    @Test
    void takesTheLongestPieceFirst() {
        assertThat(split("hellos worldly hes")).containsExactly("hello", "##s", "world", "##ly",
                "he", "##s");
    }

    @Test
    void aWordThatCannotBeSpelledIsUnknownAsAWhole() {
        assertThat(split("hello hellox x")).containsExactly("hello", "[UNK]", "[UNK]");
        assertThat(split("a" + "b".repeat(19))).hasSize(20);
        assertThat(split("a" + "b".repeat(20))).containsExactly("[UNK]");
    }

    @Test
    void stripsAccentsAndCaseAndSetsSignsApart() {
        assertThat(split("Caf\u00e9!\tHELLO\u0000\u200b")).containsExactly("cafe", "!", "hello");
        assertThat(split("a\u4e16a")).containsExactly("a", "\u4e16", "a");
    }

    @Test
    void wholeTextsBeginAndEndWithTheirTokens() {
        assertThat(tokenizer.encodeWhole(List.of(new TextSpan("hello", false))))
                .containsExactly(11, 0, 12);
        assertThat(tokenizer.encode(List.of(new TextSpan("[SEP]", false)), true))
                .startsWith(11).doesNotContain(12);
    }

    @Test
    void decodesToWordsWithBlanksBetween() {
        assertThat(tokenizer.decode(tokenizer.encode("hellos world!", true)))
                .isEqualTo("hellos world !");
    }
}
