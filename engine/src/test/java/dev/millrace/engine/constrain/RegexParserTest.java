package dev.millrace.engine.constrain;

import java.util.SplittableRandom;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import static org.assertj.core.api.Assertions.*;

class RegexParserTest {

    private static final String[] LETTERS = {"a", "b", "c", "0", "1", "-", " ", "\n", "é", "\u4e2d",
        "\ud83d\ude00", "\\", "\""};

    @ParameterizedTest
    @ValueSource(strings = {"abc", "a|bc|", "(a|b)*c", "a+b?c*", "a{2}b{1,3}c{0,}", "[a-c]+",
        "[^a-c]", ".", ".*a.*", "(?:ab)+|c", "(?<name>a)b", "\\d+", "\\D", "\\w*", "\\W\\S?",
        "[\\d\\-]+", "[a\\]b]", "\\x61\\u0062", "a(b(c|)){0,2}", "[-a]+", "[a-]+", "é+",
        "[\\u00e0-\\u00ff]{1,2}", "\\\\\"?", "[^\\n\"]*", "(a|ab)(c|bcd)?", "(a*)*b", "a*?b+?",
        "", "()", "\\p{Lu}|\\p{L}0", "\\u4e2d.?"})
    void matchesWhatJavaMatches(String regex) {
        Pattern pattern = Pattern.compile(regex);
        TokenConstraint whole = TokenConstraint.compile(Grammar.of(RegexParser.whole(regex)),
                Texts.BYTES);
        TokenConstraint anywhere = TokenConstraint.compile(Grammar.of(RegexParser.anywhere(regex)),
                Texts.BYTES);
        SplittableRandom random = new SplittableRandom(regex.hashCode());
        for (int i = 0; i < 300; i++) {
            StringBuilder text = new StringBuilder();
            for (int length = random.nextInt(6); length > 0; length--) {
                text.append(LETTERS[random.nextInt(LETTERS.length)]);
            }
            assertThat(Texts.accepts(whole, text.toString())).as("all of '%s'", text)
                    .isEqualTo(pattern.matcher(text).matches());
            assertThat(Texts.accepts(anywhere, text.toString())).as("in '%s'", text)
                    .isEqualTo(pattern.matcher(text).find());
        }
    }

    @ParameterizedTest
    @CsvSource({"^ab, abx, xab", "ab$, xab, abx", "^ab$, ab, xabx", "^a|b$, axx, bxx",
        "(^a$|^b$), a, ab", "^(a|b), bx, xb", "'^$', '', a"})
    void anchorsBindASearch(String regex, String found, String notFound) {
        Expression expression = RegexParser.anywhere(regex);

        assertThat(Texts.accepts(expression, found)).isTrue();
        assertThat(Texts.accepts(expression, notFound)).isFalse();
    }

    @ParameterizedTest
    @CsvSource(delimiter = ';', value = {"(?=a)b; look-around", "(?!a)b; look-around",
        "(?<=a)b; look-around", "(?<!a)b; look-around", "(a)\\1; back reference", "\\bword; \\b",
        "(?i)a; (?i", "a++; possessive", "a^b; ^ or $ inside", "(a|b$)c; ^ or $ inside",
        "(^a)+; ^ or $ inside", "*a; nothing to repeat", "a**; nothing to repeat",
        "^*; nothing to repeat", "a{; no count follows", "a{1; no '}'", "a{99999999999}; 999999999",
        "a{3,1}; from a smaller to a larger", "(a; no ')'", "a); without a '('",
        "[a; an end where more", "[z-a]; before its beginning", "[\\d-z]; a class",
        "\\; an end where more", "\\xZZ; no character", "\\u{110000}; no character",
        "\\p{NoSuch}; \\p{NoSuch}", "(?<name; without '>'"})
    void whatItCannotDoIsRefusedByName(String regex, String complaint) {
        assertThatThrownBy(() -> RegexParser.whole(regex)).isInstanceOf(GrammarException.class)
                .hasMessageContaining(complaint);
    }

    @Test
    void nothingMatchesAnEmptyClass() {
        assertThatThrownBy(() -> Texts.accepts(RegexParser.whole("a[]"), "a"))
                .isInstanceOf(GrammarException.class).hasMessageContaining("no text satisfies");
    }
}
