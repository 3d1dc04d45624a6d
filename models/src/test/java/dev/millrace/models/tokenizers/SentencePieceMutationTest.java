package dev.millrace.models.tokenizers;

import dev.millrace.models.ModelException;
import dev.millrace.models.gguf.GgufFileWriter;
import dev.millrace.models.text.TextSpan;
import dev.millrace.models.text.Tokenizer;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import static org.assertj.core.api.Assertions.assertThat;

/**
 * Thousands of seeded mutations of a tokenizer.model, and of the configuration beside it, are
 * refused or usable, and nothing else: fields get other values, lengths, types and numbers, come
 * twice or not at all.
 */
class SentencePieceMutationTest {

    private static final int MUTATIONS = 4000;
    private static final long[] NUMBERS = {0, 1, 2, 3, 4, 5, 6, 7, 40, 127, 128, 255, -1,
        1L << 31, (1L << 31) - 1, 1L << 32, Long.MAX_VALUE, Long.MIN_VALUE};
    private static final float[] SCORES = {0, -0f, 1e38f, -1e38f, Float.NaN,
        Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY, Float.MIN_VALUE};
    private static final String[] PIECES = {"", "\u2581", "a", "<unk>", "<s>", "<0x41>", "<0xZZ>",
        "\u2581\u2581\u2581", "abababababababab", "<|im_end|>", "\0", "\uffff"};
    private static final String[] CONFIGURATIONS = {"{}", "[]", "", "{", "{\"eos_token\": 5}",
        "{\"bos_token\": \"a\", \"add_bos_token\": \"yes\", \"add_eos_token\": true}",
        "{\"added_tokens_decoder\": {\"12\": {\"content\": \"<x>\", \"special\": true}}}",
        "{\"added_tokens_decoder\": {\"0\": {\"content\": \"\"}, \"1\": 7, \"2\": null}}",
        "{\"added_tokens_decoder\": {\"999\": {\"content\": \"far\"}}}",
        "{\"added_tokens_decoder\": {\"9999999\": {\"content\": \"farther\"}}}",
        "{\"added_tokens_decoder\": {\"-1\": {\"content\": \"negative\"}}}",
        "{\"added_tokens_decoder\": [1, 2], \"eos_token\": {\"content\": [\"a\"]}}"};

    @TempDir
    Path folder;

    private final SplittableRandom random = new SplittableRandom(77);

    /** A field of a message: its number, and a Long, a Float, a byte[] or a list of fields. */
    private record Field(int number, Object value) {}

    private List<Field> sound() {
        List<Field> model = new ArrayList<>();
        String[] pieces = {"<unk>", "<s>", "</s>", "a", "b", "\u2581", "ab", "\u2581a", "\u2581ab",
            "ba", "<0x61>", "<0xC3>"};
        long[] kinds = {2, 3, 3, 1, 1, 1, 1, 1, 1, 4, 6, 6};
        for (int i = 0; i < pieces.length; i++) {
            model.add(new Field(1, new ArrayList<>(List.of(
                    new Field(1, pieces[i].getBytes(StandardCharsets.UTF_8)),
                    new Field(2, -i / 2f), new Field(3, kinds[i])))));
        }
        model.add(new Field(2, new ArrayList<>(List.of(new Field(3, 1L + random.nextInt(2)),
                new Field(24, 0L), new Field(35, 1L), new Field(40, 0L), new Field(41, 1L),
                new Field(42, 2L)))));
        model.add(new Field(3, new ArrayList<>(List.of(new Field(1, new byte[]{'x'}),
                new Field(2, new byte[]{}), new Field(3, 1L), new Field(4, 1L)))));
        return model;
    }

    private void mutate(List<Field> message) {
        int at = random.nextInt(message.size());
        Field field = message.get(at);
        if (field.value instanceof List<?> && random.nextInt(4) > 0) {
            @SuppressWarnings("unchecked")
            List<Field> inner = (List<Field>) field.value;
            if (!inner.isEmpty()) {
                mutate(inner);
                return;
            }
        }
        switch (random.nextInt(6)) {
            case 0 -> message.remove(at);
            case 1 -> message.add(random.nextInt(message.size()), field);
            case 2 -> message.set(at, new Field(random.nextInt(1, 60), field.value));
            case 3 -> message.set(at, new Field(field.number, value()));
            default -> message.set(at, new Field(field.number, like(field.value)));
        }
        if (message.isEmpty()) {
            message.add(field);
        }
    }

    private Object value() {
        return switch (random.nextInt(4)) {
            case 0 -> NUMBERS[random.nextInt(NUMBERS.length)];
            case 1 -> SCORES[random.nextInt(SCORES.length)];
            case 2 -> new ArrayList<>(sound().subList(0, 1));
            default -> noise();
        };
    }

    private Object like(Object value) {
        return switch (value) {
            case Long number -> NUMBERS[random.nextInt(NUMBERS.length)];
            case Float score -> SCORES[random.nextInt(SCORES.length)];
            default -> random.nextBoolean()
                    ? PIECES[random.nextInt(PIECES.length)].getBytes(StandardCharsets.UTF_8)
                    : noise();
        };
    }

    private byte[] noise() {
        byte[] bytes = new byte[random.nextInt(40)];
        random.nextBytes(bytes);
        return bytes;
    }

    private byte[] encoded(List<Field> message) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        for (Field field : message) {
            switch (field.value) {
                case Long number -> {
                    SentencePieceFixture.varint(out, (long) field.number << 3);
                    SentencePieceFixture.varint(out, number);
                }
                case Float score -> {
                    SentencePieceFixture.varint(out, (long) field.number << 3 | 5);
                    out.writeBytes(ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN)
                            .putFloat(score).array());
                }
                case byte[] bytes -> bytes(out, field.number, bytes);
                default -> {
                    @SuppressWarnings("unchecked")
                    List<Field> inner = (List<Field>) field.value;
                    bytes(out, field.number, encoded(inner));
                }
            }
        }
        return out.toByteArray();
    }

    /** Now and then with a length that is not the bytes'. */
    private void bytes(ByteArrayOutputStream out, int number, byte[] content) {
        SentencePieceFixture.varint(out, (long) number << 3 | 2);
        SentencePieceFixture.varint(out, random.nextInt(300) == 0
                ? NUMBERS[random.nextInt(NUMBERS.length)]
                : content.length);
        out.writeBytes(content);
    }

    @Test
    void mutationsAreRefusedOrUsable() throws IOException {
        Path file = folder.resolve("tokenizer.model");
        Path config = folder.resolve("tokenizer_config.json");
        int used = 0;
        for (int round = 0; round < MUTATIONS; round++) {
            List<Field> model = sound();
            for (int i = random.nextInt(4); i > 0; i--) {
                mutate(model);
            }
            byte[] bytes = encoded(model);
            if (round % 16 == 0) {
                bytes = Arrays.copyOf(bytes, random.nextInt(1, bytes.length));
            }
            if (random.nextInt(4) == 0) {
                Files.writeString(config, CONFIGURATIONS[random.nextInt(CONFIGURATIONS.length)]);
            } else {
                Files.deleteIfExists(config);
            }
            bytes[0] = 1 << 3 | 2; // what makes it a SentencePiece model at all
            Files.write(file, bytes);
            try {
                use();
                used++;
            } catch (ModelException e) {
                assertThat(e.getMessage()).containsAnyOf("tokenizer.model",
                        "tokenizer_config.json").hasSizeLessThan(500);
            } catch (RuntimeException e) {
                throw new AssertionError("round " + round, e);
            }
        }
        assertThat(used).isBetween(MUTATIONS / 5, MUTATIONS * 4 / 5);
    }

    private void use() {
        Tokenizer tokenizer = TokenizerFiles.open(folder);
        assertThat(tokenizer.vocabularySize()).isLessThan(3000);
        int[] tokens = tokenizer.encode(List.of(new TextSpan("ab <s>ba\u00e9 ", true),
                new TextSpan("b  a\u4e16<s>", false)), true);
        assertThat(Arrays.stream(tokens)).allMatch(token -> token >= 0
                && token < tokenizer.vocabularySize());
        assertThat(tokenizer.decode(tokens)).isNotNull();
        try {
            TokenizerFiles.writeSentencePiece(folder, 3000, new GgufFileWriter().metadata());
        } catch (ModelException e) {
            assertThat(e).hasMessageContaining("GGUF cannot say");
        }
    }
}
