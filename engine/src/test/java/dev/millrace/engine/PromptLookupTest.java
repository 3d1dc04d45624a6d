package dev.millrace.engine;

import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;

class PromptLookupTest {

    private static int[] draft(int count, int... tokens) {
        return PromptLookup.draft(tokens, tokens.length, count);
    }

    @Test
    void guessesWhatFollowedTheSameEnding() {
        assertThat(draft(3, 1, 2, 3, 4, 5, 9, 1, 2)).containsExactly(3, 4, 5);
        assertThat(draft(9, 1, 2, 3, 4, 1, 2)).containsExactly(3, 4, 1, 2);
    }

    @Test
    void guessesNothingWithoutAnEarlierEnding() {
        assertThat(draft(3)).isEmpty();
        assertThat(draft(3, 1)).isEmpty();
        assertThat(draft(3, 1, 2)).isEmpty();
        assertThat(draft(3, 1, 2, 3, 2)).as("one token says too little").isEmpty();
        assertThat(draft(3, IntStream.range(0, 100).toArray())).isEmpty();
    }

    @Test
    void prefersTheLongerMatchAndThenTheLater() {
        assertThat(draft(1, 1, 2, 3, 50, 9, 2, 3, 60, 1, 2, 3)).containsExactly(50);
        assertThat(draft(1, 1, 2, 3, 50, 1, 2, 3, 60, 1, 2, 3)).containsExactly(60);
    }

    @Test
    void aMatchMayOverlapTheEnding() {
        assertThat(draft(4, 7, 7, 7)).containsExactly(7);
        assertThat(draft(2, 4, 5, 4, 5, 4, 5)).containsExactly(4, 5);
    }

    @Test
    void looksAtTheTextOnly() {
        assertThat(PromptLookup.draft(new int[]{1, 2, 3, 1, 2, 1, 2, 9}, 5, 2))
                .containsExactly(3, 1);
    }
}
