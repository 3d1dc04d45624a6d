package dev.millrace.engine.constrain;

import java.util.Collections;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import static org.assertj.core.api.Assertions.*;

/** What is meant to exhaust time or memory is refused, or does neither. */
@Timeout(300)
class HostileGrammarTest {

    private static void compile(Expression expression) {
        TokenConstraint.compile(Grammar.of(expression), Texts.BYTES);
    }

    @Test
    void sixtyThousandNestedGroupsAreRefused() {
        assertThatThrownBy(() -> RegexParser.whole("(".repeat(60_000) + ")".repeat(60_000)))
                .isInstanceOf(GrammarException.class).hasMessageContaining("within each other");
        assertThatThrownBy(() -> GbnfParser.parse("root ::= " + "(".repeat(60_000)))
                .isInstanceOf(GrammarException.class).hasMessageContaining("within each other");
    }

    @ParameterizedTest
    @ValueSource(strings = {"a{1,999999999}", "((a{1000}){1000}){1000}", "(a|b)*a(a|b){30}",
        "(a{0,700}b{0,700}){0,700}", "[^x]{999999999}", "(\\p{L}{500}){500}"})
    void whatGrowsBeyondTheLimitsIsRefused(String regex) {
        assertThatThrownBy(() -> compile(RegexParser.whole(regex)))
                .isInstanceOf(GrammarException.class).hasMessageContaining("too large");
    }

    @Test
    void textsBeyondTheLimitsAreRefused() {
        String text = "x".repeat(GrammarLimits.TEXT_CHARS + 1);

        assertThatThrownBy(() -> RegexParser.whole(text)).hasMessageContaining("at most");
        assertThatThrownBy(() -> GbnfParser.parse(text)).hasMessageContaining("at most");
        assertThatThrownBy(() -> Grammar.choice(Collections.nCopies(1_000_000, "yes")))
                .isInstanceOf(GrammarException.class).hasMessageContaining("at most");
        assertThatThrownBy(() -> Grammar.choice(List.of())).hasMessageContaining("at least one");
        assertThatThrownBy(() -> Grammar.choice(List.of("a", ""))).hasMessageContaining("empty");
        String rules = IntStream.range(0, GrammarLimits.RULES + 1)
                .mapToObj(rule -> "r" + rule + " ::= \"\"\n").collect(Collectors.joining());
        assertThatThrownBy(() -> GbnfParser.parse(rules)).hasMessageContaining("rules");
    }

    @ParameterizedTest
    @ValueSource(strings = {"(a+)+b", "(a|a)*b", "(a*)*b", "((a|b)*)*b", "(.*.*.*)*b"})
    void whatMakesOthersBacktrackIsReadInOnePass(String regex) {
        String text = "a".repeat(50_000);

        assertThat(Texts.accepts(RegexParser.whole(regex), text)).isFalse();
        assertThat(Texts.accepts(RegexParser.whole(regex), text + "b")).isTrue();
    }

    @Test
    void aChainOfRulesMayBeLong() {
        int rules = GrammarLimits.RULES - 1;
        String chain = "root ::= r0\n" + IntStream.range(0, rules)
                .mapToObj(rule -> rule == rules - 1
                        ? "r" + rule + " ::= \"x\" root?\n"
                        : "r" + rule + " ::= r" + (rule + 1) + "\n")
                .collect(Collectors.joining());

        assertThat(Texts.accepts(GbnfParser.parse(chain), "xxx")).isTrue();
    }

    @Test
    void manyChoicesAreCheapToTell() {
        List<String> numbers = IntStream.range(0, 20_000).mapToObj(Integer::toString).toList();
        TokenConstraint constraint = TokenConstraint.compile(Grammar.choice(numbers), Texts.BYTES);

        assertThat(Texts.accepts(constraint, "19999")).isTrue();
        assertThat(Texts.accepts(constraint, "20000")).isFalse();
    }
}
