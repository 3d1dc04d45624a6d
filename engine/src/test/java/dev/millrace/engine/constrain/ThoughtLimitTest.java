package dev.millrace.engine.constrain;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import static org.assertj.core.api.Assertions.assertThat;

/** Thoughts end where they have had their tokens, whatever the model would say. */
class ThoughtLimitTest {

    private static final ByteVocabulary VOCABULARY = ByteVocabulary.with("</think>", "hm, ", "ü",
            ">\n", "<think>");
    private static final TokenTrie TRIE = new TokenTrie(VOCABULARY);
    private static final String INSIDE = "[^<]*";

    private static TokenConstraint regex(String regex) {
        return TokenConstraint.compile(Grammar.of(RegexParser.whole(regex)), TRIE);
    }

    private static ThoughtLimit opened(int tokens) {
        return new ThoughtLimit(regex(INSIDE + "</think>[0-9]{3}"), regex(INSIDE),
                regex("</think>"), tokens);
    }

    private static ThoughtLimit free(int tokens) {
        return new ThoughtLimit(regex("(<think>" + INSIDE + "</think>)?[0-9]{3}"),
                regex("<think>" + INSIDE), regex("</think>"), tokens);
    }

    /** Draws tokens under the masks; goes back and forth between a matcher and its forks. */
    private static String random(ThoughtLimit limit, long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        CompletionMatcher matcher = limit.start();
        long[] mask = new long[matcher.maskWords()];
        ByteArrayOutputStream text = new ByteArrayOutputStream();
        while (!matcher.isComplete()) {
            matcher.fillMask(mask);
            int token = random.nextInt(VOCABULARY.size());
            while (!Texts.isSet(mask, token)) {
                token = (token + 1) % VOCABULARY.size();
            }
            CompletionMatcher fork = matcher.fork();
            fork.accept(token);
            text.writeBytes(VOCABULARY.bytes(token));
            matcher = random.nextBoolean() ? fork : accepted(matcher, token);
        }
        return text.toString(StandardCharsets.UTF_8);
    }

    private static CompletionMatcher accepted(CompletionMatcher matcher, int token) {
        matcher.accept(token);
        return matcher;
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 7, 100})
    void anOpenedThoughtEndsInTimeAndTheAnswerFollows(int tokens) {
        for (int seed = 0; seed < 50; seed++) {
            String text = random(opened(tokens), seed);

            assertThat(text).matches("(?s)[^<]*</think>[0-9]{3}").doesNotContain("\ufffd");
            // A token has four bytes at most, and a character that has begun is finished first.
            assertThat(text.indexOf("</think>")).isLessThanOrEqualTo(4 * tokens + 4);
        }
    }

    @Test
    void aThoughtThatTheModelOpensIsLimitedTooAndNoneIsForcedOnIt() {
        int thoughts = 0;
        for (int seed = 0; seed < 200; seed++) {
            String text = random(free(12), seed);

            assertThat(text).matches("(?s)(<think>[^<]{0,48}</think>)?[0-9]{3}");
            thoughts += text.startsWith("<") ? 1 : 0;
        }
        assertThat(thoughts).isBetween(1, 199);
    }

    @Test
    void aThoughtThatEndsByItselfIsLeftAlone() {
        CompletionMatcher matcher = opened(3).start();
        long[] mask = new long[matcher.maskWords()];
        for (byte value : "ok</think>12".getBytes(StandardCharsets.UTF_8)) {
            matcher.accept(value & 0xFF);
        }
        matcher.fillMask(mask);

        assertThat(Texts.isSet(mask, '3')).isTrue();
        assertThat(Texts.isSet(mask, '<')).isFalse();
    }
}
