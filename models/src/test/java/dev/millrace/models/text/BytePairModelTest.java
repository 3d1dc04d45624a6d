package dev.millrace.models.text;

import dev.millrace.models.text.Vocabulary.Kind;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import static org.assertj.core.api.Assertions.assertThat;

/** Words become the same tokens however often they are met, and those that the merges say. */
class BytePairModelTest {

    private static Vocabulary vocabulary(List<byte[]> pieces) {
        Kind[] kinds = new Kind[pieces.size()];
        Arrays.fill(kinds, Kind.NORMAL);
        return new Vocabulary(pieces.toArray(byte[][]::new), new float[kinds.length], kinds);
    }

    private static int[] encode(WordModel model, byte[] word) {
        TokenBuffer out = new TokenBuffer();
        model.encoder(out).encode(word, 0, word.length);
        return out.toArray();
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    /** "abc" is a piece, but no merge makes it of "a" and "bc". */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aPieceThatNoMergeMakesIsTakenOnlyWhereWholeWordsComeFirst(boolean wholeFirst) {
        Vocabulary vocabulary = vocabulary(List.of(bytes("a"), bytes("b"), bytes("c"),
                bytes("ab"), bytes("bc"), bytes("abc")));
        MergeList merges = new MergeList(vocabulary, 3);
        merges.add(bytes("b"), bytes("c"));
        merges.add(bytes("a"), bytes("b"));
        merges.add(bytes("ab"), bytes("c"));
        WordModel model = new BytePairModel(vocabulary, merges,
                new BytePairModel.Options(true, false, wholeFirst, -1, false));

        for (int meeting = 0; meeting < 3; meeting++) {
            assertThat(encode(model, bytes("abc")))
                    .isEqualTo(wholeFirst ? new int[]{5} : new int[]{0, 4});
            assertThat(encode(model, bytes("bc"))).containsExactly(4);
            assertThat(encode(model, bytes("abab"))).containsExactly(3, 3);
        }
    }

    @Test
    void everyByteSpeltMergesAsTheDefinitionSays() {
        SplittableRandom random = new SplittableRandom(11);
        List<byte[]> pieces = new ArrayList<>();
        for (int value = 0; value < 256; value++) {
            pieces.add(new byte[]{(byte) value});
        }
        List<byte[][]> pairs = new ArrayList<>();
        Set<String> known = new LinkedHashSet<>();
        while (pairs.size() < 300) {
            byte[] left = pick(pieces, random);
            byte[] right = pick(pieces, random);
            byte[] merged = Arrays.copyOf(left, left.length + right.length);
            System.arraycopy(right, 0, merged, left.length, right.length);
            if (merged.length < 9 && known.add(new String(merged, StandardCharsets.ISO_8859_1))) {
                pairs.add(new byte[][]{left, right});
                pieces.add(merged);
            }
        }
        Vocabulary vocabulary = vocabulary(pieces);
        MergeList merges = new MergeList(vocabulary, pairs.size());
        pairs.forEach(pair -> merges.add(pair[0], pair[1]));
        WordModel model = new BytePairModel(vocabulary, merges,
                new BytePairModel.Options(true, false, false, -1, false));

        for (int i = 0; i < 3000; i++) {
            byte[] word = new byte[random.nextInt(1, 60)];
            for (int at = 0; at < word.length; at++) {
                word[at] = (byte) (254 + random.nextInt(5)); // 254, 255, 0, 1, 2
            }
            int[] expected = definition(word, merges.table());
            assertThat(encode(model, word)).isEqualTo(expected);
            assertThat(encode(model, word)).as("met again").isEqualTo(expected);
        }
    }

    /** A piece over a few bytes at the ends of the alphabet, so that many words merge. */
    private static byte[] pick(List<byte[]> pieces, SplittableRandom random) {
        int made = pieces.size() - 256;
        int choice = random.nextInt(made + 5);
        return choice < made ? pieces.get(256 + choice) : pieces.get((254 + choice - made) % 256);
    }

    /** Of all adjacent pairs the one of the lowest rank merges, the leftmost of equals. */
    private static int[] definition(byte[] word, MergeTable merges) {
        List<Integer> tokens = new ArrayList<>();
        for (byte b : word) {
            tokens.add(b & 0xff);
        }
        while (true) {
            int best = -1;
            long bestPair = MergeTable.NONE;
            for (int i = 0; i + 1 < tokens.size(); i++) {
                long pair = merges.find(tokens.get(i), tokens.get(i + 1));
                if (pair < bestPair) {
                    best = i;
                    bestPair = pair;
                }
            }
            if (best < 0) {
                return tokens.stream().mapToInt(Integer::intValue).toArray();
            }
            tokens.set(best, (int) bestPair);
            tokens.remove(best + 1);
        }
    }
}
