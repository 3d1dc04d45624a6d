package dev.millrace.bench.model;

import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

class ModelTestTest {

    @Test
    void testsAreCalledAsThePeersCallThem() {
        assertThat(ModelTest.prefill(512, 0).label()).isEqualTo("pp512");
        assertThat(ModelTest.decode(64, 2048, 1).label()).isEqualTo("tg64 @ d2048");
        assertThat(ModelTest.decode(32, 128, 8).label()).isEqualTo("tg32 x 8 @ d128");
        assertThat(new ModelTest(512, 128, 0, 1, false).label()).isEqualTo("pp512+tg128");
        assertThat(new ModelTest(64, 0, 0, 4, true).label()).isEqualTo("pp64 x 4 shared");
    }

    @Test
    void aSharedPromptCountsOnce() {
        assertThat(new ModelTest(100, 10, 7, 4, false).measuredTokens()).isEqualTo(440);
        assertThat(new ModelTest(100, 10, 7, 4, true).measuredTokens()).isEqualTo(140);
        assertThat(new ModelTest(100, 10, 7, 4, true).contextTokens()).isEqualTo(117);
    }

    @Test
    void aTestThatComputesNothingIsRefused() {
        assertThatIllegalArgumentException().isThrownBy(() -> ModelTest.decode(0, 5, 1));
        assertThatIllegalArgumentException().isThrownBy(() -> ModelTest.decode(5, 0, 0));
        assertThatIllegalArgumentException().isThrownBy(() -> ModelTest.prefill(-1, 0));
    }
}
