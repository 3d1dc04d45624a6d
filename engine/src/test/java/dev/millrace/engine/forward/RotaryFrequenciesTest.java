package dev.millrace.engine.forward;

import dev.millrace.models.RopeScaling;
import dev.millrace.models.RopeSpec;
import dev.millrace.models.RopeSpec.Layout;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.withinPercentage;

/** Expected values are of transformers' formulas (modeling_rope_utils.py), in double. */
class RotaryFrequenciesTest {

    private static void assertRadians(RopeSpec rope, int contextTokens, double... pairsAndRadians) {
        double[] radians = RotaryFrequencies.of(rope, contextTokens).radians();
        assertThat(radians).hasSize(rope.dimensions() / 2);
        for (int i = 0; i < pairsAndRadians.length; i += 2) {
            assertThat(radians[(int) pairsAndRadians[i]]).as("pair %s", pairsAndRadians[i])
                    .isCloseTo(pairsAndRadians[i + 1], withinPercentage(1e-6));
        }
    }

    @Test
    void llama31StretchesSlowPairsAndKeepsFastOnes() {
        assertRadians(new RopeSpec(Layout.HALVES, 128, 500_000,
                new RopeScaling.Llama3(8, 1, 4, 8192)), 1, 0, 1, 28, 0.003211445995, 29,
                0.002166570764, 32, 0.000524846161, 35, 9.556212354e-05, 36, 7.784655274e-05, 63,
                3.068925989e-07);
    }

    @Test
    void gptOssRampsBetweenPairs() {
        RopeSpec rope = new RopeSpec(Layout.HALVES, 64, 150_000, new RopeScaling.Yarn(32, 4096, 32,
                1, RopeScaling.yarnAmplitude(32), false));
        assertRadians(rope, 1, 0, 1, 8, 0.05081327482, 9, 0.03170569618, 12, 0.00679495949, 17,
                0.0001293187012, 18, 3.830881237e-05, 31, 3.023511428e-07);
        assertThat((double) RotaryFrequencies.of(rope, 1).amplitude()).isCloseTo(1.34657359,
                withinPercentage(1e-4));
    }

    @Test
    void qwenRampsBetweenWholePairs() {
        assertRadians(new RopeSpec(Layout.HALVES, 128, 1_000_000, new RopeScaling.Yarn(4, 32_768,
                32, 1, RopeScaling.yarnAmplitude(4), true)), 1, 0, 1, 20, 0.01333521432, 30,
                0.001064360981, 39, 6.490394321e-05, 40, 4.445698525e-05, 63, 3.102344402e-07);
    }

    @Test
    void longRopeChoosesByTheContextThatThereWillBe() {
        List<Float> shortDivisors = Collections.nCopies(4, 2f);
        RopeSpec rope = new RopeSpec(Layout.HALVES, 8, 10_000, new RopeScaling.LongRope(
                shortDivisors, List.of(4f, 5f, 8f, 10f), 4096,
                RopeScaling.longRopeAmplitude(32, 4096)));
        assertRadians(rope, 4096, 0, 0.5, 1, 0.05, 3, 0.0005);
        assertRadians(rope, 4097, 0, 0.25, 1, 0.02, 3, 0.0001);
        assertThat((double) RotaryFrequencies.of(rope, 1).amplitude()).isCloseTo(1.1902380714,
                withinPercentage(1e-4));
    }
}
