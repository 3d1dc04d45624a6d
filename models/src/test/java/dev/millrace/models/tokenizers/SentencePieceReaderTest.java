package dev.millrace.models.tokenizers;

import dev.millrace.models.ModelException;
import dev.millrace.models.text.TextSpan;
import dev.millrace.models.text.Tokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

class SentencePieceReaderTest {

    @TempDir
    Path folder;

    private static SentencePieceFixture model(int type) {
        SentencePieceFixture model = new SentencePieceFixture().piece("<unk>", 0, 2)
                .piece("<s>", 0, 3).piece("</s>", 0, 3);
        String[] pieces = {"a", "b", "\u2581", "ab", "\u2581a", "\u2581ab", "ba"};
        for (int i = 0; i < pieces.length; i++) {
            model.piece(pieces[i], -i - 1, 1);
        }
        return model.type(type);
    }

    private Tokenizer open(SentencePieceFixture model) throws IOException {
        Files.write(folder.resolve("tokenizer.model"), model.toByteArray());
        return TokenizerFiles.open(folder);
    }

    private static List<String> split(Tokenizer tokenizer, String text) {
        return Arrays.stream(tokenizer.encode(text, false)).mapToObj(tokenizer::piece).toList();
    }

    @Test
    void readsBytePairs() throws IOException {
        Tokenizer tokenizer = open(model(2).spaces(true, false));
        assertThat(split(tokenizer, "ab  ba")).containsExactly("\u2581ab", "\u2581", "\u2581",
                "ba");
        assertThat(tokenizer.encode("a", true)).startsWith(1);
        assertThat(tokenizer.decode(tokenizer.encode("ab ba", true))).isEqualTo("ab ba");
        assertThat(tokenizer.endsGeneration(2)).isTrue();
    }

    @Test
    void readsBytePairsThatMergeSpaces() throws IOException {
        Tokenizer tokenizer = open(model(2).spaces(true, true));
        assertThat(split(tokenizer, " ab   ba ")).containsExactly("\u2581ab", "\u2581", "ba");
    }

    @Test
    void readsUnigramModels() throws IOException {
        Tokenizer tokenizer = open(model(1).spaces(true, true));
        assertThat(split(tokenizer, "aab bx")).containsExactly("\u2581", "a", "a", "b", "\u2581",
                "b", "<unk>");
        assertThat(tokenizer.encodeWhole(List.of(new TextSpan("a", false)))).endsWith(2);
        assertThat(tokenizer.addsStart()).isFalse();
    }

    @Test
    void readsTokensThatTheConfigurationAdds() throws IOException {
        Files.writeString(folder.resolve("tokenizer_config.json"), """
                {"bos_token": "<s>", "eos_token": {"content": "<|im_end|>"},
                 "added_tokens_decoder": {"12": {"content": "<|im_end|>", "special": true}}}""");
        Tokenizer tokenizer = open(model(2).spaces(true, false));
        assertThat(tokenizer.vocabularySize()).isEqualTo(13);
        assertThat(tokenizer.endToken()).isEqualTo(12);
        assertThat(tokenizer.encode(List.of(new TextSpan("a<|im_end|>", true)), false))
                .endsWith(12);
        assertThat(tokenizer.encode("a<|im_end|>", false)).doesNotContain(12);
    }

    @Test
    void damagedFilesAreRefusedOrUsable() throws IOException {
        byte[] sound = model(1).spaces(true, true).toByteArray();
        SplittableRandom random = new SplittableRandom(9);
        Path file = folder.resolve("tokenizer.model");
        for (int round = 0; round < 1000; round++) {
            byte[] damaged = Arrays.copyOf(sound, random.nextInt(1, sound.length + 1));
            damaged[0] = sound[0];
            for (int i = random.nextInt(4); i > 0 && damaged.length > 1; i--) {
                damaged[random.nextInt(1, damaged.length)] = (byte) random.nextInt(256);
            }
            Files.write(file, damaged);
            try {
                TokenizerFiles.open(file).encode("ab ba\u00e9", true);
            } catch (ModelException e) {
                assertThat(e).hasMessageContaining("tokenizer.model");
            }
        }
        assertThatThrownBy(() -> open(model(3))).hasMessageContaining("of type 3");
    }
}
