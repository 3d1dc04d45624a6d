package dev.millrace.models.text;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import static org.assertj.core.api.Assertions.assertThat;

class TokenStreamDecoderTest {

    private final TokenStreamDecoder decoder = new TokenStreamDecoder();

    @Test
    void keepsAnEmojiUntilItIsWhole() {
        assertThat(decoder.accept(hex("f0"))).isEmpty();
        assertThat(decoder.accept(hex("9f"))).isEmpty();
        assertThat(decoder.accept(hex("99"))).isEmpty();
        assertThat(decoder.accept(hex("82"))).isEqualTo("🙂");
        assertThat(decoder.finish()).isEmpty();
    }

    @Test
    void givesWhatIsCertainAtOnce() {
        assertThat(decoder.accept(hex("61c3"))).isEqualTo("a");
        assertThat(decoder.accept(hex("a962e2"))).isEqualTo("éb");
        assertThat(decoder.accept(hex("82"))).isEmpty();
        assertThat(decoder.accept(hex("41"))).isEqualTo("\ufffdA");
    }

    @Test
    void passesOverEmptyTokens() {
        assertThat(decoder.accept(hex("f09f"))).isEmpty();
        assertThat(decoder.accept(new byte[0])).isEmpty();
        assertThat(decoder.accept(hex("9982"))).isEqualTo("🙂");
    }

    @Test
    void turnsAnUnfinishedCharacterIntoOneReplacementAtTheEnd() {
        assertThat(decoder.accept(hex("78f09f99"))).isEqualTo("x");
        assertThat(decoder.finish()).isEqualTo("\ufffd");
        assertThat(decoder.finish()).isEmpty();
    }

    @Test
    void startsAfreshAfterTheEnd() {
        decoder.accept(hex("f09f"));
        decoder.finish();
        assertThat(decoder.accept(hex("9982c3a9"))).isEqualTo("\ufffd\ufffdé");
    }

    /** One replacement for each maximal part (The Unicode Standard, section 3.9) or surrogate. */
    @ParameterizedTest
    @CsvSource({"c0af, 2", "c3, 1", "80, 1", "bf80, 2", "e080bf, 3", "e282, 1", "eda080, 1",
        "f0908d, 1", "f4908080, 4", "f8, 1", "ff, 1", "fe83bf, 3", "f1808080e0, 1",
        "edbfbf, 1", "f0808080, 4", "e18041, 1"})
    void replacesEachMaximalPartOfWhatIsBroken(String bytes, int replacements) {
        String text = decoder.accept(hex(bytes)) + decoder.finish();
        assertThat(text.chars().filter(c -> c == '\ufffd').count()).isEqualTo(replacements);
    }

    @ParameterizedTest
    @ValueSource(strings = {"🙂🙃", "naïve café", "👨‍👩‍👧‍👦 family", "日本語と한국어",
        "\u0000\u007f\u0080\u07ff\u0800\uffff", "\udbff\udfff\ud800\udc00", "plain"})
    void anyTwoCutsGiveTheSameText(String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        for (int first = 0; first <= bytes.length; first++) {
            for (int second = first; second <= bytes.length; second++) {
                String decoded = decoder.accept(Arrays.copyOf(bytes, first))
                        + decoder.accept(Arrays.copyOfRange(bytes, first, second))
                        + decoder.accept(Arrays.copyOfRange(bytes, second, bytes.length))
                        + decoder.finish();
                assertThat(decoded).isEqualTo(text);
            }
        }
    }

    @Test
    void randomBytesInRandomPiecesDecodeAsTheWholeDoes() {
        Random random = new Random(7);
        byte[] alphabet = hex("4180bfc0c3e0e2edeff0f1f4f8ff9f99829da0");
        for (int round = 0; round < 3000; round++) {
            byte[] bytes = new byte[random.nextInt(24)];
            for (int i = 0; i < bytes.length; i++) {
                bytes[i] = alphabet[random.nextInt(alphabet.length)];
            }
            StringBuilder decoded = new StringBuilder();
            for (int from = 0; from < bytes.length;) {
                int to = from + 1 + random.nextInt(bytes.length - from);
                String part = decoder.accept(Arrays.copyOfRange(bytes, from, to));
                assertThat(part.isEmpty()
                        || !Character.isHighSurrogate(part.charAt(part.length() - 1)))
                        .as("whole characters in %s", HexFormat.of().formatHex(bytes)).isTrue();
                decoded.append(part);
                from = to;
            }
            decoded.append(decoder.finish());
            assertThat(decoded.toString()).as(HexFormat.of().formatHex(bytes))
                    .isEqualTo(new String(bytes, StandardCharsets.UTF_8));
        }
    }

    private static byte[] hex(String digits) {
        return HexFormat.of().parseHex(digits);
    }
}
