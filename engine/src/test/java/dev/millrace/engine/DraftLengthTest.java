package dev.millrace.engine;

import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

class DraftLengthTest {

    private final DraftLength length = new DraftLength(new Speculation(8, 16, 0.1));

    @Test
    void growsWhileGuessesAreRight() {
        int first = length.tokens();
        assertThat(first).isBetween(1, 4);
        for (int i = 0; i < 20; i++) {
            length.verified(length.tokens(), length.tokens());
        }
        assertThat(length.tokens()).isEqualTo(8);
    }

    @Test
    void switchesItselfOffAndTriesAgainLater() {
        int wrong = 0;
        while (length.tokens() > 0) {
            length.verified(length.tokens(), 0);
            assertThat(++wrong).isLessThan(40);
        }
        int plain = 0;
        while (length.tokens() == 0) {
            length.plain();
            assertThat(++plain).isLessThanOrEqualTo(32);
        }
        assertThat(length.tokens()).as("carefully").isEqualTo(1);
        length.verified(1, 0);
        assertThat(length.tokens()).isZero();
    }

    @Test
    void recoversWhenTheTextBecomesPredictable() {
        while (length.tokens() > 0) {
            length.verified(length.tokens(), 0);
        }
        for (int i = 0; i < 400; i++) {
            if (length.tokens() == 0) {
                length.plain();
            } else {
                length.verified(length.tokens(), length.tokens());
            }
        }
        assertThat(length.tokens()).isEqualTo(8);
    }

    @Test
    void stopsForGood() {
        length.stop();
        for (int i = 0; i < 100; i++) {
            length.plain();
        }
        assertThat(length.tokens()).isZero();
    }

    @Test
    void anExpensiveRowIsGuessedForLess() {
        assertThat(new DraftLength(new Speculation(8, 16, 0.4)).tokens())
                .isLessThan(new DraftLength(new Speculation(8, 16, 0.01)).tokens());
        assertThat(new DraftLength(Speculation.OFF).tokens()).isZero();
        assertThatIllegalArgumentException().isThrownBy(() -> new Speculation(-1, 1, 0.5));
        assertThatIllegalArgumentException().isThrownBy(() -> new Speculation(1, 1, 0));
        assertThatIllegalArgumentException().isThrownBy(() -> new Speculation(1, 1, Double.NaN));
    }
}
