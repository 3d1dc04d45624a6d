package dev.millrace.engine;

import dev.millrace.engine.GenerationEvent.Token;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.*;

class StopMatcherTest {

    private final List<String> released = new ArrayList<>();
    private StopMatcher matcher;

    private void stopAt(String... sequences) {
        matcher = new StopMatcher(Arrays.stream(sequences).map(text -> text.getBytes(UTF_8))
                .toList(), false);
    }

    private boolean accept(String text) {
        return accept(text, true);
    }

    private boolean accept(String text, boolean mayEnd) {
        return matcher.accept(new Token(0, text.getBytes(UTF_8), 0, null), mayEnd,
                token -> released.add(new String(token.text(), UTF_8)));
    }

    @Test
    void passesEverythingOnAtOnceWithoutStopSequences() {
        stopAt();

        assertThat(accept("some")).isFalse();
        assertThat(released).containsExactly("some");
    }

    @Test
    void holdsBackOnlyTokensThatAStopSequenceMayClaim() {
        stopAt("STOP");

        accept("one ");
        accept("two S");
        accept("T");
        assertThat(released).containsExactly("one ");
        accept("ill");
        assertThat(released).containsExactly("one ", "two S", "T", "ill");
    }

    @Test
    void releasesTheTextBeforeAMatchThatStraddlesTokens() {
        stopAt("STOP");

        accept("ab");
        accept("cS");
        accept("TO");

        assertThat(accept("Pxyz")).isTrue();
        assertThat(released).containsExactly("ab", "c");
        assertThat(matcher.matched()).asString(UTF_8).isEqualTo("STOP");
    }

    @Test
    void releasesTheTextBeforeAMatchWithinOneToken() {
        stopAt("\n\n");

        assertThat(accept("end.\n\nNext")).isTrue();
        assertThat(released).containsExactly("end.");
    }

    @Test
    void publishesNothingOfATokenThatIsAllStop() {
        stopAt("STOP");

        accept("x");
        assertThat(accept("STOP")).isTrue();
        assertThat(released).containsExactly("x");
    }

    @Test
    void theMatchThatIsCompleteFirstWins() {
        stopAt("abcd", "bc");

        assertThat(accept("xabcd")).isTrue();
        assertThat(matcher.matched()).asString(UTF_8).isEqualTo("bc");
        assertThat(released).containsExactly("xa");
    }

    @Test
    void ofMatchesThatEndTogetherTheLongestWins() {
        stopAt("bc", "abc", "c");

        assertThat(accept("xabc")).isTrue();
        assertThat(matcher.matched()).asString(UTF_8).isEqualTo("abc");
        assertThat(released).containsExactly("x");
    }

    @Test
    void fallsBackWithinASequenceThatOverlapsItself() {
        stopAt("aab");

        for (int i = 0; i < 5; i++) {
            assertThat(accept("a")).isFalse();
        }
        assertThat(accept("b")).isTrue();
        assertThat(String.join("", released)).isEqualTo("aaa");
    }

    @Test
    void findsASequenceThatBeginsWithinACharacter() {
        byte[] lastByteOfEuro = {(byte) 0xac};
        matcher = new StopMatcher(List.of(lastByteOfEuro), false);

        assertThat(accept("€")).isTrue();
        assertThat(released).hasSize(1);
    }

    @Test
    void keepsTokensWithoutTextInOrder() {
        stopAt("ab");

        accept("a");
        accept("");
        assertThat(released).isEmpty();
        accept("c");
        assertThat(released).containsExactly("a", "", "c");
    }

    @Test
    void flushReleasesWhatIsHeld() {
        stopAt("STOP");
        accept("ST");

        matcher.flush(token -> released.add(new String(token.text(), UTF_8)));

        assertThat(released).containsExactly("ST");
    }

    @Test
    void refusesEmptyTooLongAndTooManySequences() {
        assertThatIllegalArgumentException().isThrownBy(() -> stopAt("a", ""))
                .withMessageContaining("from 1 to 4096 bytes, got 0");
        assertThatIllegalArgumentException().isThrownBy(() -> stopAt("x".repeat(4097)))
                .withMessageContaining("4097");
        assertThatIllegalArgumentException().isThrownBy(
                () -> new StopMatcher(Collections.nCopies(65, new byte[]{1}), false))
                .withMessageContaining("at most 64");
    }

    @Test
    @Timeout(300)
    void takesLinearTimeWhereASearchFromEveryByteWouldNot() {
        stopAt("a".repeat(4000) + "b");
        Token token = new Token(0, "a".repeat(1000).getBytes(UTF_8), 0, null);
        int[] count = new int[1];

        for (int i = 0; i < 10_000; i++) {
            matcher.accept(token, true, ignored -> count[0]++);
        }

        assertThat(count[0]).isEqualTo(9_996);
    }

    @Test
    void agreesWithASearchOfTheWholeText() {
        SplittableRandom random = new SplittableRandom(20);
        int matches = 0;
        for (int run = 0; run < 20_000; run++) {
            List<String> stops = new ArrayList<>();
            for (int i = random.nextInt(4); i >= 0; i--) {
                stops.add(letters(random, 1 + random.nextInt(5)));
            }
            stopAt(stops.toArray(String[]::new));
            released.clear();
            StringBuilder text = new StringBuilder();
            boolean stopped = false;
            while (!stopped && text.length() < 20) {
                String token = letters(random, random.nextInt(5));
                text.append(token);
                stopped = accept(token);
                assertThat(stops).noneMatch(String.join("", released)::contains);
            }
            matcher.flush(token -> released.add(new String(token.text(), UTF_8)));

            String expected = beforeFirstMatch(text.toString(), stops);
            assertThat(stopped).isEqualTo(expected != null);
            assertThat(String.join("", released)).isEqualTo(stopped ? expected : text.toString());
            matches += stopped ? 1 : 0;
        }
        assertThat(matches).isBetween(5_000, 19_500);
    }

    private static String letters(SplittableRandom random, int count) {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < count; i++) {
            text.append((char) ('a' + random.nextInt(3)));
        }
        return text.toString();
    }

    /** The text before the match that ends first, the longest of these; null if none matches. */
    private static String beforeFirstMatch(String text, List<String> stops) {
        for (int end = 1; end <= text.length(); end++) {
            String head = text.substring(0, end);
            int longest = stops.stream().filter(head::endsWith).mapToInt(String::length).max()
                    .orElse(0);
            if (longest > 0) {
                return head.substring(0, end - longest);
            }
        }
        return null;
    }

    @Test
    void aMatchMayBeShownToItsLastByte() {
        matcher = new StopMatcher(List.of("STOP".getBytes(UTF_8)), true);

        accept("ab");
        accept("cST");

        assertThat(accept("OPxyz")).isTrue();
        assertThat(released).containsExactly("ab", "cST", "OP");
    }

    @Test
    void whatIsCompleteTooSoonIsPassedOnAndMayComeAgain() {
        stopAt("aa");

        assertThat(accept("aa", false)).isFalse();
        assertThat(accept("b", false)).isFalse();
        assertThat(released).containsExactly("aa", "b");
        assertThat(accept("aa", false)).isFalse();
        assertThat(accept("a", true)).as("the last two of three").isTrue();
        assertThat(String.join("", released)).isEqualTo("aabaa".substring(0, 4));
    }
}
