package dev.millrace.models.text;

import dev.millrace.models.text.Vocabulary.Kind;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.junit.jupiter.api.Assertions.assertTimeout;

class SentencePieceTokenizerTest {

    private final Pieces pieces = new Pieces();

    private static List<String> split(Tokenizer tokenizer, TextSpan... spans) {
        return Arrays.stream(tokenizer.encode(List.of(spans), false)).mapToObj(tokenizer::piece)
                .toList();
    }

    private static TextSpan trusted(String text) {
        return new TextSpan(text, true);
    }

    private static TextSpan untrusted(String text) {
        return new TextSpan(text, false);
    }

    @Test
    void mergesTheHighestScoreFirst() {
        Tokenizer tokenizer = pieces.normal("a", "b", "c").add("ab", -9, Kind.NORMAL)
                .add("bc", -8, Kind.NORMAL).tokenizer(false);
        assertThat(split(tokenizer, untrusted("abc"))).containsExactly("a", "bc");
    }

    @Test
    void mergesTheLeftmostOfEquals() {
        Tokenizer tokenizer = pieces.normal("a").add("aa", -9, Kind.NORMAL).tokenizer(false);
        assertThat(split(tokenizer, untrusted("aaaaa"))).containsExactly("aa", "aa", "a");
    }

    @Test
    void goesOnMergingWhatWasMerged() {
        Tokenizer tokenizer = pieces.normal("ab", "abab", "a", "b").tokenizer(false);
        assertThat(split(tokenizer, untrusted("ababababab")))
                .containsExactly("abab", "abab", "ab");
    }

    @Test
    void splitsUnusedPiecesAgain() {
        Tokenizer tokenizer = pieces.normal("a", "b", "c").add("ab", -1, Kind.UNUSED)
                .add("abc", -50, Kind.NORMAL).tokenizer(false);
        assertThat(split(tokenizer, untrusted("abcab"))).containsExactly("abc", "a", "b");
    }

    @Test
    void spellsUnknownCharactersInBytes() {
        Tokenizer tokenizer = pieces.allBytes().normal("a").tokenizer(false);
        assertThat(split(tokenizer, untrusted("aéa")))
                .containsExactly("a", "<0xC3>", "<0xA9>", "a");
    }

    @Test
    void usesTheUnknownTokenWhereThereAreNoBytes() {
        Tokenizer tokenizer = pieces.normal("a").tokenizer(false);
        assertThat(split(tokenizer, untrusted("aé🙂a")))
                .containsExactly("a", "<unk>", "<unk>", "a");
    }

    @Test
    void readsHalfASurrogatePairAsAReplacementCharacter() {
        Tokenizer tokenizer = pieces.allBytes().normal("?", "\ufffd").tokenizer(false);
        assertThat(split(tokenizer, untrusted("\ud83d?\ude42")))
                .containsExactly("\ufffd", "?", "\ufffd");
    }

    @Test
    void putsASpaceAtTheStartAndAfterEverySpecialToken() {
        Tokenizer tokenizer = pieces.allBytes().normal("\u2581", "a", "\u2581a").tokenizer(true);
        assertThat(split(tokenizer, trusted("a a</s>a</s></s>")))
                .containsExactly("\u2581a", "\u2581a", "</s>", "\u2581a", "</s>", "</s>");
        assertThat(split(tokenizer, trusted("</s> a")))
                .containsExactly("</s>", "\u2581", "\u2581a");
        assertThat(split(tokenizer, untrusted(""))).isEmpty();
    }

    @Test
    void putsNoSpaceBetweenSpans() {
        Tokenizer tokenizer = pieces.allBytes().normal("\u2581", "a", "b", "ab", "\u2581ab")
                .tokenizer(true);
        assertThat(split(tokenizer, trusted("a"), untrusted("b"), trusted("ab")))
                .containsExactly("\u2581ab", "ab");
    }

    @Test
    void findsSpecialTokensOnlyInTrustedText() {
        Tokenizer tokenizer = pieces.allBytes().normal("<", "s", "/", ">", "<s", "a", "s>")
                .tokenizer(false);
        assertThat(split(tokenizer, trusted("<s>a</s>"))).containsExactly("<s>", "a", "</s>");
        assertThat(split(tokenizer, untrusted("<s>a</s>")))
                .containsExactly("<s", ">", "a", "<", "/", "s>");
    }

    @Test
    void noMergeMakesASpecialToken() {
        Tokenizer tokenizer = pieces.allBytes().normal("<", "s", ">", "<s", "s>", "x")
                .add("<x>", 5, Kind.USER_DEFINED).normal("<x", "x>").tokenizer(false);
        assertThat(split(tokenizer, untrusted("<s>"))).containsExactly("<s", ">");
        assertThat(split(tokenizer, untrusted("<x>"))).containsExactly("<x", ">");
        assertThat(split(tokenizer, untrusted("<0x41>"))).doesNotContain("<0x41>");
        assertThat(split(tokenizer, trusted("<0x41>"))).doesNotContain("<0x41>");
    }

    @Test
    void noSpecialTokenReachesAcrossTheBorderOfTrust() {
        Tokenizer tokenizer = pieces.allBytes().normal("<", "s", ">", "/").tokenizer(false);
        assertThat(split(tokenizer, trusted("<"), untrusted("/s>"))).doesNotContain("</s>");
        assertThat(split(tokenizer, untrusted("</s"), trusted(">"))).doesNotContain("</s>");
        assertThat(split(tokenizer, untrusted("<"), trusted("/s"), untrusted(">")))
                .doesNotContain("</s>");
        assertThat(split(tokenizer, trusted("<"), trusted("/s>"))).containsExactly("</s>");
    }

    @Test
    void prefersTheLongestSpecialToken() {
        Tokenizer tokenizer = pieces.allBytes().add("<|a|>", 0, Kind.CONTROL)
                .add("<|a|><|b|>", 0, Kind.CONTROL).add("<|", 0, Kind.USER_DEFINED)
                .tokenizer(false);
        assertThat(split(tokenizer, trusted("<|a|><|b|><|a|><|")))
                .containsExactly("<|a|><|b|>", "<|a|>", "<|");
    }

    @Test
    void findsUserDefinedPiecesEverywhereUnlessTheyLookLikeMarkers() {
        Tokenizer tokenizer = pieces.allBytes().normal("\n", "x")
                .add("\n\n", 0, Kind.USER_DEFINED).add("<|im_start|>", 0, Kind.USER_DEFINED)
                .add("[INST]", 0, Kind.USER_DEFINED).tokenizer(false);
        assertThat(split(tokenizer, untrusted("x\n\n\nx"))).containsExactly("x", "\n\n", "\n", "x");
        assertThat(split(tokenizer, untrusted("<|im_start|>[INST]")))
                .doesNotContain("<|im_start|>", "[INST]");
        assertThat(split(tokenizer, trusted("<|im_start|>x[INST]")))
                .containsExactly("<|im_start|>", "x", "[INST]");
    }

    @Test
    void putsTheStartTokenFirstOnce() {
        Tokenizer tokenizer = pieces.allBytes().normal("a").tokenizer(false);
        assertThat(tokenizer.encode("a", true)).startsWith(1).hasSize(2);
        assertThat(tokenizer.encode("a", false)).hasSize(1);
        assertThat(tokenizer.encode("", true)).containsExactly(1);
        assertThat(tokenizer.encode(List.of(trusted("<s>a")), true)).startsWith(1).hasSize(2);
        assertThat(tokenizer.encode("<s>a", true)).startsWith(1).hasSize(5);
    }

    @Test
    void saysTheBytesOfEveryKindOfToken() {
        Tokenizer tokenizer = pieces.add("<0xE2>", 0, Kind.BYTE)
                .normal("\u2581a\u2581\u2581", "\u2581")
                .add("\u2581<x>", 0, Kind.USER_DEFINED).add("\u2581u", 0, Kind.UNUSED)
                .tokenizer(true);
        assertThat(tokenizer.bytes(0)).isEmpty();
        assertThat(tokenizer.bytes(1)).isEmpty();
        assertThat(tokenizer.bytes(3)).containsExactly(0xe2);
        assertThat(text(tokenizer.bytes(4))).isEqualTo(" a  ");
        assertThat(text(tokenizer.bytes(5))).isEqualTo(" ");
        assertThat(text(tokenizer.bytes(6))).isEqualTo("\u2581<x>");
        assertThat(text(tokenizer.bytes(7))).isEqualTo(" u");
    }

    private static String text(byte[] bytes) {
        return new String(bytes, StandardCharsets.UTF_8);
    }

    @Test
    void decodesWithoutTheSpaceThatEncodingAdded() {
        pieces.allBytes().normal("\u2581", "a", "\u2581a");
        Tokenizer spaced = pieces.tokenizer(true);
        assertThat(spaced.decode(spaced.encode(" a a", true))).isEqualTo(" a a");
        assertThat(spaced.decode(new int[0])).isEmpty();
        Tokenizer unspaced = pieces.tokenizer(false);
        assertThat(unspaced.decode(unspaced.encode(" a a", true))).isEqualTo(" a a");
    }

    @Test
    void callersMayNotChangeThePieces() {
        Tokenizer tokenizer = pieces.normal("a").add("u", 0, Kind.USER_DEFINED).tokenizer(false);
        tokenizer.bytes(3)[0] = 'x';
        tokenizer.bytes(4)[0] = 'x';
        assertThat(tokenizer.piece(3)).isEqualTo("a");
        assertThat(tokenizer.piece(4)).isEqualTo("u");
    }

    @ParameterizedTest
    @ValueSource(ints = {-1, 4, Integer.MAX_VALUE, Integer.MIN_VALUE})
    void refusesTokensOutsideTheVocabulary(int token) {
        Tokenizer tokenizer = pieces.normal("a").tokenizer(false);
        assertThatIllegalArgumentException().isThrownBy(() -> tokenizer.bytes(token))
                .withMessage("there is no token " + token
                        + "; the vocabulary has the tokens 0 to 3");
        assertThatIllegalArgumentException().isThrownBy(() -> tokenizer.piece(token));
        assertThatIllegalArgumentException().isThrownBy(() -> tokenizer.endsGeneration(token));
        assertThatIllegalArgumentException().isThrownBy(() -> tokenizer.decode(new int[]{token}));
    }

    @Test
    void refusesTextBeyondTheLimit() {
        Tokenizer tokenizer = pieces.normal("a").tokenizer(false);
        String half = "a".repeat(SentencePieceTokenizer.MAX_CHARACTERS / 2 + 1);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> tokenizer.encode(List.of(trusted(half), untrusted(half)), false))
                .withMessageContaining(String.valueOf(2 * half.length()))
                .withMessageContaining(String.valueOf(SentencePieceTokenizer.MAX_CHARACTERS));
    }

    /** A merge that scans the text for every step would take hours over this one. */
    @Test
    void longRunsOfOneLetterTakeLittleTime() {
        Tokenizer tokenizer = pieces.normal("a", "aa", "aaaa", "aaaaaaaa").tokenizer(false);
        String run = "a".repeat(1 << 19);
        int[] tokens = assertTimeout(Duration.ofSeconds(60), () -> tokenizer.encode(run, false));
        assertThat(tokens).hasSize(run.length() / 8);
    }

    @Test
    void agreesWithTheDefinitionOnRandomVocabularies() {
        Random random = new Random(5);
        for (int round = 0; round < 300; round++) {
            Pieces made = new Pieces().normal("a", "b", "c");
            for (int i = 0; i < 20; i++) {
                String piece = letters(random, 2 + random.nextInt(3));
                if (made.indexOf(piece) < 0) {
                    made.add(piece, -random.nextInt(6), Kind.NORMAL);
                }
            }
            String text = letters(random, 1 + random.nextInt(40));
            assertThat(split(made.tokenizer(false), untrusted(text)))
                    .as("round " + round).isEqualTo(byDefinition(made, text));
        }
    }

    private static String letters(Random random, int count) {
        StringBuilder letters = new StringBuilder();
        for (int i = 0; i < count; i++) {
            letters.append("abc".charAt(random.nextInt(3)));
        }
        return letters.toString();
    }

    /** Scan for the best pair, merge it, scan again. */
    private static List<String> byDefinition(Pieces made, String text) {
        List<String> parts = new ArrayList<>(List.of(text.split("")));
        while (true) {
            int best = -1;
            float bestScore = Float.NEGATIVE_INFINITY;
            for (int i = 0; i + 1 < parts.size(); i++) {
                int token = made.indexOf(parts.get(i) + parts.get(i + 1));
                if (token >= 0 && made.score(token) > bestScore) {
                    best = i;
                    bestScore = made.score(token);
                }
            }
            if (best < 0) {
                return parts;
            }
            String right = parts.remove(best + 1);
            parts.set(best, parts.get(best) + right);
        }
    }
}
