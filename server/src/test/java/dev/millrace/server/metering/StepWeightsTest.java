package dev.millrace.server.metering;

import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.*;

class StepWeightsTest {

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
