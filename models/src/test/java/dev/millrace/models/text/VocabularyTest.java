package dev.millrace.models.text;

import dev.millrace.models.text.Vocabulary.Kind;
import java.nio.charset.StandardCharsets;
import java.util.Collections;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

class VocabularyTest {

    private static Vocabulary of(List<String> pieces, Kind kind) {
        return new Vocabulary(
                pieces.stream().map(piece -> piece.getBytes(StandardCharsets.UTF_8))
                        .toArray(byte[][]::new),
                new float[pieces.size()],
                Collections.nCopies(pieces.size(), kind).toArray(Kind[]::new));
    }

    private static int find(Vocabulary vocabulary, String piece) {
        byte[] padded = ("xx" + piece + "xx").getBytes(StandardCharsets.UTF_8);
        return vocabulary.find(padded, 2, padded.length - 4);
    }

    @Test
    void findsEveryPieceAndNothingElse() {
        List<String> pieces = IntStream.range(0, 5000).mapToObj(i -> "p" + i * 7).toList();
        Vocabulary vocabulary = of(pieces, Kind.NORMAL);
        for (int token = 0; token < pieces.size(); token++) {
            assertThat(find(vocabulary, pieces.get(token))).isEqualTo(token);
        }
        assertThat(find(vocabulary, "p1")).isEqualTo(-1);
        assertThat(find(vocabulary, "")).isEqualTo(-1);
        assertThat(find(vocabulary, "p".repeat(100))).isEqualTo(-1);
    }

    @Test
    void findsTheFirstOfEqualPieces() {
        assertThat(find(of(List.of("b", "a", "a"), Kind.NORMAL), "a")).isEqualTo(1);
    }

    @Test
    void mayBeEmpty() {
        assertThat(find(of(List.of(), Kind.NORMAL), "a")).isEqualTo(-1);
    }

    @Test
    void knowsWhichTokenStandsForAByte() {
        Vocabulary bytes = of(List.of("<0x0A>", "<0xff>", "x"), Kind.BYTE);
        assertThat(bytes.byteToken('\n')).isZero();
        assertThat(bytes.byteToken(0xff)).isEqualTo(1);
        assertThat(bytes.byteToken('x')).isEqualTo(-1);
        assertThat(of(List.of("<0x0A>"), Kind.NORMAL).byteToken('\n')).isEqualTo(-1);
    }

    @ParameterizedTest
    @CsvSource({"<0x00>, 0", "<0xFF>, 255", "<0xfe>, 254", "<0x0G>, -1", "<0x1>, -1", "0x10, -1",
        "<0y10>, -1", "<0x10), -1"})
    void readsThePieceOfAByte(String piece, int value) {
        assertThat(Vocabulary.byteOf(piece.getBytes(StandardCharsets.UTF_8))).isEqualTo(value);
    }

    @Test
    void takesUnknownKindsForNormal() {
        assertThat(List.of(Kind.of(0), Kind.of(1), Kind.of(3), Kind.of(6), Kind.of(7), Kind.of(-1)))
                .containsExactly(Kind.NORMAL, Kind.NORMAL, Kind.CONTROL, Kind.BYTE, Kind.NORMAL,
                        Kind.NORMAL);
    }

    @Test
    void wantsAScoreAndAKindForEveryPiece() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new Vocabulary(new byte[3][], new float[2], new Kind[4]))
                .withMessageContaining("3 pieces").withMessageContaining("2 and 4");
    }
}
