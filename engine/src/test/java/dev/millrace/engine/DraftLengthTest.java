package dev.millrace.engine;

import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

class DraftLengthTest {

    private static final double COST = 0.1;

    private final DraftLength length = DraftLength.ofLookups(new Speculation(8, 16, 0.1));

    @Test
    void growsWhileGuessesAreRight() {
        int first = length.tokens(COST);
        assertThat(first).isBetween(1, 4);
        for (int i = 0; i < 20; i++) {
            length.verified(length.tokens(COST), length.tokens(COST));
        }
        assertThat(length.tokens(COST)).isEqualTo(8);
    }

    @Test
    void switchesItselfOffAndTriesAgainLater() {
        int wrong = 0;
        while (length.tokens(COST) > 0) {
            length.verified(length.tokens(COST), 0);
            assertThat(++wrong).isLessThan(40);
        }
        int plain = 0;
        while (length.tokens(COST) == 0) {
            length.plain();
            assertThat(++plain).isLessThanOrEqualTo(32);
        }
        assertThat(length.tokens(COST)).as("carefully").isEqualTo(1);
        length.verified(1, 0);
        assertThat(length.tokens(COST)).isZero();
    }

    @Test
    void recoversWhenTheTextBecomesPredictable() {
        while (length.tokens(COST) > 0) {
            length.verified(length.tokens(COST), 0);
        }
        for (int i = 0; i < 400; i++) {
            if (length.tokens(COST) == 0) {
                length.plain();
            } else {
                length.verified(length.tokens(COST), length.tokens(COST));
            }
        }
        assertThat(length.tokens(COST)).isEqualTo(8);
    }

    @Test
    void pausesGrowWhileTheTriesInBetweenAreWrong() {
        int[] pauses = new int[7];
        for (int i = 0; i < pauses.length; i++) {
            while (length.tokens(COST) > 0) {
                length.verified(length.tokens(COST), 0);
            }
            while (length.tokens(COST) == 0) {
                length.plain();
                pauses[i]++;
            }
        }
        assertThat(pauses).containsExactly(32, 64, 128, 256, 256, 256, 256);
    }

    /** Three of four right is much, but not where a guess costs nearly as much as a token. */
    @Test
    void aModelThatIsNotMuchSmallerIsSoonLeftAlone() {
        DraftLength dear = DraftLength.ofModel(new Speculation(8, 16, 0.1));
        int guesses = 0;
        for (int token = 0; token < 1000; token++) {
            if (dear.tokens(0.8) == 0) {
                dear.plain();
            } else {
                dear.verified(dear.tokens(0.8), token % 4 == 0 ? 0 : 1);
                guesses++;
            }
        }
        assertThat(guesses).isLessThan(50);
    }

    @Test
    void stopsForGood() {
        length.stop();
        for (int i = 0; i < 100; i++) {
            length.plain();
        }
        assertThat(length.tokens(COST)).isZero();
    }

    @Test
    void anExpensiveRowIsGuessedForLess() {
        for (int i = 0; i < 20; i++) {
            length.verified(8, 6);
        }
        assertThat(length.tokens(0.6)).isBetween(1, 4).isLessThan(length.tokens(0.01));
        DraftLength off = DraftLength.ofLookups(Speculation.OFF);
        assertThat(off.tokens(COST)).isZero();
        assertThatIllegalArgumentException().isThrownBy(() -> new Speculation(-1, 1, 0.5));
        assertThatIllegalArgumentException().isThrownBy(() -> new Speculation(1, 1, 0));
        assertThatIllegalArgumentException().isThrownBy(() -> new Speculation(1, 1, Double.NaN));
    }
}
