package dev.millrace.engine.constrain;

import dev.millrace.engine.Vocabulary;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

import static org.assertj.core.api.Assertions.*;

/** A mask allows exactly the tokens that the matcher then takes. */
class TokenMaskTest {

    static final String JSON = """
            root   ::= value
            value  ::= object | array | string | "null" | [0-9]+
            object ::= "{" (member ("," " "? member)*)? "}"
            member ::= string ":" value
            array  ::= "[" (value ("," value)*)? "]"
            string ::= "\\"" [^"\\\\\\x00-\\x1f]* "\\""
            """;

    static Stream<Grammar> grammars() {
        return Stream.of(GbnfParser.parse(JSON),
                Grammar.of(RegexParser.whole("(a|b)*\"?[a-f0-9é]{2,9}(,|\\}|nu?){0,3}")),
                // Repetition by recursion, rules that may be empty, and many ways to read a text.
                GbnfParser.parse("root ::= list \"]\"\nlist ::= item \",\" list | item\n"
                        + "item ::= e [0-9]* e\ne ::= \"a\"? | \"b\"*"),
                GbnfParser.parse("root ::= \"a\" root \"b\" | \"a\" root \"0\" | x x | \"\"\n"
                        + "x ::= \"a\" x? | [0-9] x \"}\" | \"\""));
    }

    /** Pieces that cross the ends of rules in every way. */
    private static ByteVocabulary vocabulary() {
        SplittableRandom random = new SplittableRandom(3);
        String[] pieces = {"a", "b", "0", "7", "\"", ",", ":", "{", "}", "[", "]", "null", "nu",
            " ", "é", "\u00c3"};
        List<String> tokens = new ArrayList<>(List.of("null", "null", "[[", "]]", "\":", "{\"",
                "\"}", "},", "],\"a\":[{\"", "\"\":{\"a\":", "aaa", "ab", "0,", "}}}"));
        for (int i = 0; i < 600; i++) {
            StringBuilder token = new StringBuilder();
            for (int length = 1 + random.nextInt(5); length > 0; length--) {
                token.append(pieces[random.nextInt(pieces.length)]);
            }
            tokens.add(token.toString());
        }
        return ByteVocabulary.with(tokens.toArray(String[]::new));
    }

    @ParameterizedTest
    @MethodSource("grammars")
    void aMaskAllowsWhatTheMatcherTakes(Grammar grammar) {
        ByteVocabulary vocabulary = vocabulary();
        TokenConstraint constraint = TokenConstraint.compile(grammar, new TokenTrie(vocabulary));
        SplittableRandom random = new SplittableRandom(5);
        int ended = 0;
        for (int text = 0; text < 12; text++) {
            ended += follow(constraint, vocabulary, random) ? 1 : 0;
        }
        assertThat(ended).isPositive();
    }

    private static boolean follow(TokenConstraint constraint, Vocabulary vocabulary,
            SplittableRandom random) {
        ConstraintMatcher matcher = constraint.start();
        long[] mask = new long[matcher.maskWords()];
        for (int position = 0; position < 20 && !matcher.isComplete(); position++) {
            matcher.fillMask(mask);
            List<Integer> allowed = new ArrayList<>();
            for (int token = 0; token < vocabulary.size(); token++) {
                boolean taken = takes(matcher.fork(), token);
                assertThat(Texts.isSet(mask, token)).as("token %d", token).isEqualTo(taken);
                if (taken) {
                    allowed.add(token);
                }
            }
            matcher.accept(allowed.get(random.nextInt(allowed.size())));
        }
        return matcher.isComplete();
    }

    private static boolean takes(ConstraintMatcher matcher, int token) {
        try {
            matcher.accept(token);
            return true;
        } catch (ConstraintException refused) {
            return false;
        }
    }

    @Test
    void aTextMayEndWhereTheGrammarSaysSoAndNowhereElse() {
        ByteVocabulary vocabulary = ByteVocabulary.with("ab");
        ConstraintMatcher matcher = TokenConstraint.compile(
                Grammar.of(RegexParser.whole("ab(ab)?")), new TokenTrie(vocabulary)).start();
        long[] mask = new long[matcher.maskWords()];

        matcher.fillMask(mask);
        assertThat(Texts.isSet(mask, vocabulary.end())).isFalse();
        matcher.accept(256);
        matcher.fillMask(mask);
        assertThat(Texts.isSet(mask, vocabulary.end())).isTrue();
        assertThat(Texts.isSet(mask, vocabulary.end() + 1)).as("a token without text").isFalse();
        assertThat(matcher.isComplete()).isFalse();
        matcher.fork().accept(vocabulary.end());
        matcher.accept(256);
        assertThat(matcher.isComplete()).isTrue();
    }

    @Test
    void aForkGoesItsOwnWayAndADraftIsTakenBack() {
        ByteVocabulary vocabulary = ByteVocabulary.with();
        ConstraintMatcher matcher = TokenConstraint.compile(
                Grammar.of(RegexParser.whole("a(b|c)d")), new TokenTrie(vocabulary)).start();
        matcher.accept('a');
        ConstraintMatcher accepted = matcher.fork();
        matcher.accept('b');
        accepted.accept('c');
        accepted.accept('d');

        assertThat(accepted.isComplete()).isTrue();
        assertThat(matcher.isComplete()).isFalse();
        assertThatThrownBy(() -> matcher.accept('c')).isInstanceOf(ConstraintException.class);
        matcher.moveTo(accepted);
        assertThat(matcher.isComplete()).isTrue();
    }

    @Test
    void whatIsForgottenIsFoundAgain() {
        ByteVocabulary vocabulary = ByteVocabulary.with("[[", "]]");
        TokenConstraint constraint = TokenConstraint.compile(GbnfParser.parse(JSON),
                new TokenTrie(vocabulary));
        ConstraintMatcher matcher = constraint.start();
        long[] mask = new long[matcher.maskWords()];
        // Every level is a configuration of its own, more than are remembered.
        int levels = GrammarLimits.CONFIGURATIONS;
        for (int level = 0; level < levels; level++) {
            matcher.fillMask(mask);
            matcher.accept('[');
        }
        assertThat(constraint.bytes()).isLessThan(40L << 20);
        for (int level = 0; level < levels; level++) {
            matcher.fillMask(mask);
            assertThat(Texts.isSet(mask, ']')).isTrue();
            matcher.accept(']');
        }
        assertThat(matcher.isComplete()).isTrue();
    }

    @Test
    void anAmbiguousGrammarIsFollowedToItsLimit() {
        TokenConstraint constraint = TokenConstraint.compile(GbnfParser.parse(
                "root ::= \"a\" root root | \"a\""), Texts.BYTES);
        ConstraintMatcher matcher = constraint.start();

        assertThatThrownBy(() -> {
            for (int i = 0; i < 100_000; i++) {
                matcher.accept('a');
            }
        }).isInstanceOf(ConstraintException.class).hasMessageContaining("ambiguous");
        constraint.start().accept('a');
    }
}
