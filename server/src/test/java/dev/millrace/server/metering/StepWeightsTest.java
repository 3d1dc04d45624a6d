package dev.millrace.server.metering;

import dev.millrace.server.metering.StepWeights.Sample;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.*;

class StepWeightsTest {

    @Test
    void calibrationFindsTheWeightsThatMadeTheSamples() {
        Random random = new Random(3);
        List<Sample> samples = new ArrayList<>();
        for (int i = 0; i < 40; i++) {
            long tokens = 1 + random.nextInt(64);
            long contextTokens = tokens * random.nextInt(1_000);
            double noise = 1 + 0.01 * random.nextGaussian();
            samples.add(new Sample(tokens, contextTokens,
                    Math.round((4e6 + 3e5 * tokens + 250 * contextTokens) * noise)));
        }

        StepWeights weights = StepWeights.calibrate(samples);

        assertThat(weights.fixedNanos()).isCloseTo(4e6, withinPercentage(10));
        assertThat(weights.tokenNanos()).isCloseTo(3e5, withinPercentage(10));
        assertThat(weights.contextNanos()).isCloseTo(250, withinPercentage(10));
    }

    @Test
    void aPartThatWouldBeNegativeIsNone() {
        List<Sample> samples = List.of(new Sample(1, 10, 900), new Sample(10, 100, 9_000),
                new Sample(20, 900, 17_900), new Sample(30, 50, 27_000));

        StepWeights weights = StepWeights.calibrate(samples);

        assertThat(weights.contextNanos()).isZero();
        assertThat(weights.tokenNanos()).isCloseTo(900, withinPercentage(1));
    }

    @Test
    void samplesThatTellNothingApartAreRefused() {
        List<Sample> same = List.of(new Sample(4, 1, 100), new Sample(4, 2, 100),
                new Sample(4, 3, 101));

        assertThatIllegalArgumentException().isThrownBy(() -> StepWeights.calibrate(same))
                .withMessageContaining("2 different token counts");
    }

    @Test
    void weightsMustBeFiniteAndNotNegative() {
        assertThatIllegalArgumentException().isThrownBy(() -> new StepWeights(Double.NaN, 1, 1))
                .withMessageContaining("fixedNanos");
        assertThatIllegalArgumentException().isThrownBy(() -> new StepWeights(1, -1, 1))
                .withMessageContaining("tokenNanos");
        assertThatIllegalArgumentException().isThrownBy(() -> new StepWeights(0, 0, 0));
    }

    @Test
    void readingTheWeightsIsSharedEquallyByTheSequencesOfAStep() {
        StepWeights weights = new StepWeights(800, 10, 1);

        assertThat(weights.of(1, 1, 5)).isEqualTo(815);
        assertThat(weights.of(8, 1, 5)).isEqualTo(115);
    }
}
