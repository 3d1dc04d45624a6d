package dev.millrace.models.tokenizers;

import dev.millrace.models.ModelException;
import dev.millrace.models.fixtures.GgufWriter;
import dev.millrace.models.gguf.GgufValueType;
import dev.millrace.models.text.TextSpan;
import dev.millrace.models.text.Tokenizer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import static org.assertj.core.api.Assertions.assertThat;

/**
 * Thousands of seeded mutations of each kind of vocabulary in GGUF files are refused or usable:
 * lists of other lengths and types, merges of nothing and in circles, ids of tokens that do not
 * exist, entries that are missing or something else.
 */
class GgufTokenizerMutationTest {

    private static final int MUTATIONS = 1500;
    private static final String PREFIX = "tokenizer.ggml.";
    private static final List<String> TOKENS = List.of("<unk>", "<s>", "</s>", "a", "b", "ab",
            "\u0120", "\u0120a", "\u0120ab", "ba", "\u2581", "\u2581a", "##b", "[CLS]", "[SEP]",
            "[UNK]");
    private static final Object[] VALUES = {0L, 1L, 15L, 16L, 0xffff_ffffL, 1.5f, true, false, "",
        "default", "llama-bpe", "gpt-2", "rwkv", "\0", List.of(), List.of("a"),
        List.of("a b", "ab ab", "b"), new float[0], new float[]{Float.NaN}, new int[]{-1, 99},
        new byte[]{1, 2, 3, 4, 5}};

    @TempDir
    Path folder;

    private static Map<String, Object> sound(String model) {
        Map<String, Object> entries = new LinkedHashMap<>();
        entries.put("model", model);
        entries.put("pre", "default");
        entries.put("tokens", TOKENS);
        entries.put("scores", new float[TOKENS.size()]);
        int[] types = new int[TOKENS.size()];
        Arrays.fill(types, 1);
        Arrays.fill(types, 0, 3, 3);
        entries.put("token_type", types);
        entries.put("merges", List.of("a b", "\u0120 a", "\u0120 ab", "b a"));
        entries.put("bos_token_id", 1L);
        entries.put("eos_token_id", 2L);
        entries.put("unknown_token_id", model.equals("bert") ? 15L : 0L);
        entries.put("seperator_token_id", 14L);
        entries.put("cls_token_id", 13L);
        entries.put("add_bos_token", true);
        entries.put("add_eos_token", false);
        entries.put("add_space_prefix", true);
        entries.put("remove_extra_whitespaces", false);
        return entries;
    }

    private static void mutate(Map<String, Object> entries, SplittableRandom random) {
        List<String> keys = new ArrayList<>(entries.keySet());
        keys.add("precompiled_charsmap");
        keys.add("eot_token_id");
        String key = keys.get(1 + random.nextInt(keys.size() - 1));
        Object value = entries.get(key);
        switch (random.nextInt(4)) {
            case 0 -> entries.remove(key);
            case 1 -> entries.put(key, VALUES[random.nextInt(VALUES.length)]);
            default -> entries.put(key, changed(value, random));
        }
    }

    private static Object changed(Object value, SplittableRandom random) {
        return switch (value) {
            case List<?> list when !list.isEmpty() -> {
                List<Object> other = new ArrayList<>(list);
                int at = random.nextInt(other.size());
                switch (random.nextInt(4)) {
                    case 0 -> other.remove(at);
                    case 1 -> other.add(at, other.get(random.nextInt(other.size())));
                    case 2 -> other.set(at, other.get(random.nextInt(other.size())));
                    default -> other.set(at, List.of("", " ", "a", "a b", "ab ba", "x y",
                            "a b c", "<0x41>", "\ud800").get(random.nextInt(9)));
                }
                yield other;
            }
            case float[] scores when scores.length > 0 -> {
                float[] other = scores.clone();
                other[random.nextInt(other.length)] = new float[]{Float.NaN, 1e38f, -1e38f,
                    Float.NEGATIVE_INFINITY}[random.nextInt(4)];
                yield random.nextInt(4) == 0 ? Arrays.copyOf(other, other.length - 1) : other;
            }
            case int[] types when types.length > 0 -> {
                int[] other = types.clone();
                other[random.nextInt(other.length)] = random.nextInt(-2, 9);
                yield random.nextInt(4) == 0 ? Arrays.copyOf(other, other.length + 1) : other;
            }
            case Long number -> new long[]{0, 3, 15, 16, 0xffff_ffffL}[random.nextInt(5)];
            case Boolean flag -> !flag;
            case null, default -> VALUES[random.nextInt(VALUES.length)];
        };
    }

    private Path write(Map<String, Object> entries) {
        GgufWriter writer = new GgufWriter().string("general.architecture", "llama");
        entries.forEach((name, value) -> {
            String key = PREFIX + name;
            switch (value) {
                case String text -> writer.string(key, text);
                case Long number -> writer.uint32(key, number);
                case Float real -> writer.float32(key, real);
                case Boolean flag -> writer.bool(key, flag);
                case float[] reals -> writer.float32s(key, reals);
                case int[] numbers -> writer.int32s(key, numbers);
                case byte[] bytes -> writer.array(key, GgufValueType.UINT8.code(), bytes.length,
                        bytes);
                default -> writer.strings(key,
                        ((List<?>) value).stream().map(String::valueOf).toList());
            }
        });
        return writer.write(folder.resolve("vocabulary.gguf"));
    }

    private static void use(Path file) {
        Tokenizer tokenizer = TokenizerFiles.open(file);
        int[] tokens = tokenizer.encodeWhole(List.of(new TextSpan("ab a <s>ba\u00e9 ", true),
                new TextSpan("b  a\u4e16</s> [SEP]", false)));
        assertThat(Arrays.stream(tokens)).allMatch(token -> token >= 0
                && token < tokenizer.vocabularySize());
        assertThat(tokenizer.decode(tokens)).isNotNull();
    }

    @ParameterizedTest
    @ValueSource(strings = {"llama", "gpt2", "gemma4", "bert", "t5"})
    void mutationsAreRefusedOrUsable(String model) {
        use(write(sound(model)));
        SplittableRandom random = new SplittableRandom(model.hashCode());
        int used = 0;
        for (int round = 0; round < MUTATIONS; round++) {
            Map<String, Object> entries = sound(model);
            for (int i = random.nextInt(1, 4); i > 0; i--) {
                mutate(entries, random);
            }
            Path file = write(entries);
            try {
                use(file);
                used++;
            } catch (ModelException e) {
                assertThat(e.getMessage()).isNotBlank().hasSizeLessThan(1000);
            } catch (RuntimeException e) {
                throw new AssertionError("round " + round + ": " + entries, e);
            }
        }
        assertThat(used).isBetween(MUTATIONS / 20, MUTATIONS * 19 / 20);
    }
}
