package dev.millrace.engine.constrain;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import static org.assertj.core.api.Assertions.*;

class GbnfParserTest {

    private static final String ARITHMETIC = """
            # what llama.cpp's own example is like
            root  ::= (expr "=" ws term "\\n")+
            expr  ::= term ([-+*/] term)*
            term  ::= ident | num | "(" ws expr ")" ws
            ident ::= [a-z] [a-z0-9_]* ws
            num   ::= [0-9]+ ws
            ws    ::= [ \\t\\n]*
            """;

    @Test
    void readsAGrammarWithRecursion() {
        Grammar grammar = GbnfParser.parse(ARITHMETIC);

        assertThat(Texts.accepts(grammar, "a+b=c\n")).isTrue();
        assertThat(Texts.accepts(grammar, "((1 +x_1)) *2 = ( y )\na=1\n")).isTrue();
        assertThat(Texts.accepts(grammar, "((1+x)=2\n")).isFalse();
        assertThat(Texts.accepts(grammar, "a+=b\n")).isFalse();
    }

    @Test
    void readsItsNotation() {
        Grammar grammar = GbnfParser.parse("""
                root ::=
                  "q\\"\\\\\\x41\\u00e9\\U0001F600" # the rest of a line
                  | other{2} | ( "(" root
                    ")" ) | [^a-z\\]\\n] "!"
                other ::= [x-z-] ? "-" | .{3,} "end"
                """);

        assertThat(Texts.accepts(grammar, "q\"\\A\u00e9\ud83d\ude00")).isTrue();
        assertThat(Texts.accepts(grammar, "x---")).isTrue();
        assertThat(Texts.accepts(grammar, "-\u4e2d\u4e2d\nend")).isTrue();
        assertThat(Texts.accepts(grammar, "((--))")).isTrue();
        assertThat(Texts.accepts(grammar, "A!")).isTrue();
        assertThat(Texts.accepts(grammar, "b!")).isFalse();
        assertThat(Texts.accepts(grammar, "]!")).isFalse();
        assertThat(Texts.accepts(grammar, "((--)")).isFalse();
    }

    @ParameterizedTest
    @CsvSource(delimiter = ';', value = {"root ::= 'x'; begins nothing",
        "root ::= \"x; without its end", "root ::= [a-; without its end", "root ::= (\"a\"; no ')'",
        "root ::= a; the rule a is used but not defined", "a ::= \"x\"; no rule named root",
        "root \"x\"; '::='", "root ::= \"\\q\"; unknown escape", "root ::= \"a\"**; to repeat",
        "root ::= \"a\"{2,1}; smaller to a larger", "root ::= \"a\"{}; between 1 and 9 digits",
        "root ::= \"a\" ) ; begin with its name", "root ::= [z-a]; before its beginning",
        "root ::= \"\\uD800\"; no character", "'';no rule named root"})
    void whatIsNoGrammarIsRefused(String text, String complaint) {
        assertThatThrownBy(() -> GbnfParser.parse(text)).isInstanceOf(GrammarException.class)
                .hasMessageContaining(complaint);
    }

    @Test
    void aRuleDefinedTwiceIsRefusedWithItsLine() {
        assertThatThrownBy(() -> GbnfParser.parse("root ::= \"a\"\nroot ::= \"b\"\n"))
                .hasMessageContaining("line 2").hasMessageContaining("defined twice");
    }

    @ParameterizedTest
    @CsvSource(delimiter = ';', value = {"root ::= root \"a\" | \"b\"",
        "root ::= b | \"x\"!b ::= root \"y\"", "root ::= e root \"x\" | \"y\"!e ::= \"e\"?",
        "root ::= \"(\" a \")\"!a ::= a \"+\" a | \"1\""})
    void leftRecursionIsRefused(String text) {
        Grammar grammar = GbnfParser.parse(text.replace('!', '\n'));

        assertThatThrownBy(() -> Texts.accepts(grammar, "")).isInstanceOf(GrammarException.class)
                .hasMessageContaining("left-recursive");
    }

    @Test
    void whatNeverEndsIsRefused() {
        assertThatThrownBy(() -> Texts.accepts(GbnfParser.parse("root ::= \"a\" root"), ""))
                .isInstanceOf(GrammarException.class).hasMessageContaining("never comes to an end");
    }

    @Test
    void anAlternativeThatNeverEndsIsNotOffered() {
        Grammar grammar = GbnfParser.parse("root ::= \"ab\" | \"a\" x\nx ::= \"c\" x");

        ConstraintMatcher matcher = TokenConstraint.compile(grammar, Texts.BYTES).start();
        matcher.accept('a');
        long[] mask = new long[matcher.maskWords()];
        matcher.fillMask(mask);

        assertThat(Texts.isSet(mask, 'b')).isTrue();
        assertThat(Texts.isSet(mask, 'c')).isFalse();
    }
}
