package dev.millrace.engine;

import dev.millrace.engine.fixtures.FakeTokenizer;
import dev.millrace.engine.forward.SequenceBreakers;
import dev.millrace.models.text.TextSpan;
import dev.millrace.models.text.Tokenizer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.*;

/** Sequence breakers and banned words in tokens. */
class SpelledTextsTest {

    /** Tokens of several letters; encodes by the longest that fits. */
    private record Words(String... pieces) implements Tokenizer {

        @Override
        public int vocabularySize() {
            return pieces.length;
        }

        @Override
        public int[] encode(List<TextSpan> spans, boolean addStart) {
            List<Integer> tokens = new ArrayList<>();
            String text = spans.getFirst().text();
            while (!text.isEmpty()) {
                int best = -1;
                for (int token = 0; token < pieces.length; token++) {
                    if (text.startsWith(pieces[token])
                            && (best < 0 || pieces[token].length() > pieces[best].length())) {
                        best = token;
                    }
                }
                tokens.add(best);
                text = text.substring(pieces[best].length());
            }
            return tokens.stream().mapToInt(Integer::intValue).toArray();
        }

        @Override
        public byte[] bytes(int token) {
            return pieces[token].getBytes(StandardCharsets.UTF_8);
        }

        @Override
        public String piece(int token) {
            return pieces[token];
        }

        @Override
        public String decode(int[] tokens) {
            throw new UnsupportedOperationException("nobody asks for it");
        }

        @Override
        public int startToken() {
            return -1;
        }

        @Override
        public boolean addsStart() {
            return false;
        }

        @Override
        public int endToken() {
            return -1;
        }

        @Override
        public boolean endsGeneration(int token) {
            return false;
        }
    }

    private static final Words WORDS = new Words("a", "b", "ab", "cab", "xa", "bc", "c", " ");

    @Test
    void aBreakerIsWithinATokenOrGoesOnAfterOne() {
        SequenceBreakers breakers = BreakerTokens.of(List.of("abc"), WORDS);

        // "a" then "bc"; "ab", "cab" and "xa" end with its beginning; "b" alone begins nothing.
        assertThat(breakers).usingRecursiveComparison().isEqualTo(new SequenceBreakers(
                Map.of(0, new int[][]{{5}}, 2, new int[][]{{6}}, 3, new int[][]{{6}},
                        4, new int[][]{{5}})));
        assertThat(BreakerTokens.of(List.of("b"), WORDS)).usingRecursiveComparison()
                .isEqualTo(new SequenceBreakers(Map.of(1, new int[][]{{}}, 2, new int[][]{{}},
                        3, new int[][]{{}}, 5, new int[][]{{}})));
    }

    @Test
    void aBreakerIsNotContinuedWithinACharacter() {
        int euro = "€".getBytes(StandardCharsets.UTF_8)[0] & 0xff;

        assertThat(BreakerTokens.of(List.of("€"), new FakeTokenizer())).usingRecursiveComparison()
                .isEqualTo(SequenceBreakers.NONE);
        assertThat(euro).as("its first byte is a token by itself").isEqualTo(0xe2);
    }

    @Test
    void aBreakerHasALength() {
        assertThatIllegalArgumentException().isThrownBy(() -> BreakerTokens.of(List.of(""), WORDS))
                .withMessageContaining("from 1 to 40 bytes in UTF-8, got 0");
        assertThatIllegalArgumentException().isThrownBy(
                () -> BreakerTokens.of(List.of("x".repeat(41)), WORDS))
                .withMessageContaining("got 41");
    }

    @Test
    void aWordIsSpelledAsItIsAndAfterASpace() {
        assertThat(BannedWords.of(List.of("abc", " a"), WORDS))
                .containsExactly(new int[]{2, 6}, new int[]{7, 2, 6}, new int[]{7, 0});
    }
}
