package dev.millrace.models.tokenizers;

import dev.millrace.models.ModelException;
import dev.millrace.models.fixtures.RandomTexts;
import dev.millrace.models.gguf.GgufFile;
import dev.millrace.models.gguf.GgufFileWriter;
import dev.millrace.models.text.TextSpan;
import dev.millrace.models.text.Tokenizer;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import static org.assertj.core.api.Assertions.*;

/** A tokenizer.model and the metadata that is written from it are the same tokenizer. */
class SentencePieceEntriesTest {

    private static final int VOCABULARY = 320;
    private static final String CONFIG = """
            {"bos_token": "<s>", "eos_token": "<|im_end|>", "add_bos_token": %s,
             "add_eos_token": %s, "added_tokens_decoder": {
             "300": {"content": "<|im_end|>", "special": true},
             "302": {"content": "<table>", "special": false}}}""";

    @TempDir
    Path folder;

    /** Bytes, letters, words, and a piece that is not used. */
    private SentencePieceFixture pieces() {
        SentencePieceFixture model = new SentencePieceFixture().piece("<unk>", 0, 2)
                .piece("<s>", 0, 3).piece("</s>", 0, 3);
        for (int value = 0; value < 256; value++) {
            model.piece(String.format("<0x%02X>", value), 0, 6);
        }
        String[] words = {"\u2581", "e", "t", "h", "n", "o", "th", "the", "\u2581the", "\u2581th",
            "in", "on", "ing", "\u2581I", "er", "\u00e9", "\u4e16\u754c", "12", "\n\n", "."};
        for (int i = 0; i < words.length; i++) {
            model.piece(words[i], -i / 2f - 1, 1);
        }
        return model.piece("spare", -50, 5).piece("[INST]", 0, 4);
    }

    private Tokenizer direct(SentencePieceFixture model) throws IOException {
        Files.write(folder.resolve("tokenizer.model"), model.toByteArray());
        return TokenizerFiles.open(folder);
    }

    private Path write() throws IOException {
        GgufFileWriter writer = new GgufFileWriter();
        assertThat(TokenizerFiles.writeSentencePiece(folder, VOCABULARY, writer.metadata()))
                .isTrue();
        Path file = folder.resolve("tokenizer.gguf");
        try (FileChannel out = FileChannel.open(file, StandardOpenOption.CREATE,
                StandardOpenOption.WRITE, StandardOpenOption.TRUNCATE_EXISTING)) {
            writer.write(out);
        }
        return file;
    }

    @ParameterizedTest
    @CsvSource({"2, true, false, true, false", "2, false, false, false, false",
        "1, true, true, false, true", "1, true, false, true, true", "1, false, true, true, false"})
    void aFileEncodesLikeTheModelThatItIsMadeOf(int type, boolean prefix, boolean merges,
            boolean addsStart, boolean addsEnd) throws IOException {
        Files.writeString(folder.resolve("tokenizer_config.json"),
                String.format(CONFIG, addsStart, addsEnd));
        Tokenizer model = direct(pieces().type(type, true).spaces(prefix, merges));
        try (GgufFile file = GgufFile.open(write())) {
            Tokenizer copy = GgufTokenizerReader.read(file.metadata(), VOCABULARY);
            assertThat(copy.vocabularySize()).isEqualTo(VOCABULARY);
            assertThat(copy.endToken()).isEqualTo(model.endToken()).isEqualTo(300);
            assertThat(copy.addsStart()).isEqualTo(model.addsStart());
            assertThat(copy.endsGeneration(2)).isEqualTo(model.endsGeneration(2));
            SplittableRandom random = new SplittableRandom(type * 31L);
            for (int round = 0; round < 2000; round++) {
                String text = RandomTexts.next(random);
                List<TextSpan> spans = List.of(new TextSpan(text, false),
                        new TextSpan("<|im_end|>[PAD310]" + text, round % 2 == 0));
                int[] tokens = model.encodeWhole(spans);
                assertThat(copy.encodeWhole(spans)).as("%s", text).isEqualTo(tokens);
                assertThat(copy.encode(text, true)).isEqualTo(model.encode(text, true));
                assertThat(copy.decode(tokens)).isEqualTo(model.decode(tokens));
            }
        }
    }

    @Test
    void saysWhatAFileCannotSay() throws IOException {
        direct(pieces().type(2).spaces(true, true));
        assertThatThrownBy(this::write).isInstanceOf(ModelException.class)
                .hasMessageContaining("which GGUF cannot say");
        direct(pieces().type(1).spaces(true, true));
        assertThatThrownBy(this::write).isInstanceOf(ModelException.class)
                .hasMessageContaining("does not fall back to them");
        Files.writeString(folder.resolve("tokenizer.json"), "{}");
        assertThat(TokenizerFiles.writeSentencePiece(folder, VOCABULARY,
                new GgufFileWriter().metadata())).isFalse();
    }
}
