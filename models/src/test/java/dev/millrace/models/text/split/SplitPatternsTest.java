package dev.millrace.models.text.split;

import dev.millrace.models.fixtures.RandomTexts;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

import static org.assertj.core.api.Assertions.assertThat;

/** Every rule against the regular expression that it stands for, as the JDK understands it. */
class SplitPatternsTest {

    private static final int TEXTS = 300;

    private static Set<String> patterns() {
        return SplitPatterns.patterns();
    }

    @ParameterizedTest
    @MethodSource("patterns")
    void cutsAsItsRegularExpressionDoes(String regularExpression) {
        SplitRule rule = SplitPatterns.find(regularExpression).orElseThrow();
        Pattern pattern = Pattern.compile(regularExpression.replace("(?i:", "(?iu:"),
                Pattern.UNICODE_CHARACTER_CLASS);
        SplittableRandom random = new SplittableRandom(regularExpression.hashCode());
        for (int i = 0; i < TEXTS; i++) {
            String text = RandomTexts.wellFormed(RandomTexts.next(random));
            assertThat(pieces(rule, text)).as("%s of %s", regularExpression, text)
                    .isEqualTo(isolated(pattern, text));
        }
    }

    private static List<String> isolated(Pattern pattern, String text) {
        List<String> pieces = new ArrayList<>();
        Matcher matcher = pattern.matcher(text);
        int end = 0;
        while (matcher.find()) {
            if (matcher.start() > end) {
                pieces.add(text.substring(end, matcher.start()));
            }
            if (matcher.end() > matcher.start()) {
                pieces.add(matcher.group());
            }
            end = matcher.end();
        }
        if (end < text.length()) {
            pieces.add(text.substring(end));
        }
        return pieces;
    }

    static List<String> pieces(SplitRule rule, String text) {
        byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
        List<String> pieces = new ArrayList<>();
        for (int at = 0; at < utf8.length;) {
            int end = rule.end(utf8, at, utf8.length);
            assertThat(end).isGreaterThan(at);
            if (rule.keeps(utf8, at, end)) {
                pieces.add(new String(utf8, at, end - at, StandardCharsets.UTF_8));
            }
            at = end;
        }
        return pieces;
    }

    @Test
    void looksAtNothingBeyondTheLimit() {
        byte[] text = "ab  c's 123".getBytes(StandardCharsets.UTF_8);
        for (String pattern : patterns()) {
            SplitRule rule = SplitPatterns.find(pattern).orElseThrow();
            for (int from = 0; from < text.length; from++) {
                for (int limit = from + 1; limit <= text.length; limit++) {
                    byte[] cut = Arrays.copyOf(text, limit);
                    assertThat(rule.end(text, from, limit)).as("%s %d-%d", pattern, from, limit)
                            .isEqualTo(rule.end(cut, from, limit));
                }
            }
        }
    }

    @Test
    void groupsDigitsFromTheirEnd() {
        SplitRule rule = SplitPatterns.find("(?=(\\d{3})+(?!\\d))").orElseThrow();
        assertThat(pieces(rule, "1234567a12b12345c123456")).containsExactly("1", "234",
                "567a12b12", "345c", "123", "456");
        assertThat(pieces(rule, "\u0661\u0662\u0663\u0664")).containsExactly("\u0661",
                "\u0662\u0663\u0664");
    }

    @Test
    void knowsNothingButItsList() {
        assertThat(SplitPatterns.find("\\p{L}+|.")).isEmpty();
        assertThat(SplitPatterns.find("")).isEmpty();
    }

    @Test
    void takesLiteralLineEndsForEscapedOnes() {
        assertThat(SplitPatterns.find("[\r\n]")).isPresent();
    }

    @Test
    void takesTimeLinearInHostileTexts() {
        // Quadratic rules would take hours for these; linear ones take milliseconds.
        int length = 1 << 17;
        for (String unit : List.of(" ", "\n ", "\u00aaA", "A", "'", "1", "!", "\u0301", "a'", "\r",
                " '", "\u0001")) {
            byte[] text = unit.repeat(length / unit.length()).getBytes(StandardCharsets.UTF_8);
            for (SplitRule rule : SplitPatterns.rules()) {
                int at = 0;
                while (at < text.length) {
                    at = rule.end(text, at, text.length);
                }
                assertThat(at).isEqualTo(text.length);
            }
        }
    }
}
