package dev.millrace.models.text;

import java.text.Normalizer;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;

class CombiningRunsTest {

    private static final int[] MARKS = {0x301, 0x316, 0x327, 0x334, 0x345, 0x344, 0x5b0, 0x5b1,
        0x3099, 0x94d, 0x903, 0x20dd, 0x1d165, 0x1d16d, 0x302a, 0x34f};

    @Test
    void leavesShortRunsAlone() {
        String text = "e\u0301\u0316 a" + "\u0301\u0316".repeat(100);
        assertThat(CombiningRuns.order(text)).isSameAs(text);
    }

    @Test
    void changesNothingThatNormalisationWouldNot() {
        SplittableRandom random = new SplittableRandom(3);
        for (int i = 0; i < 200; i++) {
            StringBuilder text = new StringBuilder("a");
            random.ints(random.nextInt(200, 900), 0, MARKS.length)
                    .forEach(mark -> text.appendCodePoint(MARKS[mark]));
            String ordered = CombiningRuns.order(text + "b");
            for (Normalizer.Form form : Normalizer.Form.values()) {
                assertThat(Normalizer.normalize(ordered, form))
                        .isEqualTo(Normalizer.normalize(text + "b", form));
            }
        }
    }

    @Test
    void ordersAMillionMarksInTime() {
        // The JDK alone takes more than ten minutes for this.
        String marks = "\u0301".repeat(1 << 19) + "\u0316".repeat(1 << 19);
        assertThat(Normalizer.normalize(CombiningRuns.order(marks), Normalizer.Form.NFC))
                .isEqualTo("\u0316".repeat(1 << 19) + "\u0301".repeat(1 << 19));
    }
}
