package dev.millrace.bench.attention;

import dev.millrace.kernels.KvFormat;
import java.time.Duration;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

class AttentionRunTest {

    @Test
    void countsWhatIsReadAndMultiplied() {
        AttentionRun one = new AttentionRun("vector", KvFormat.F16, 100, 1, 1);
        AttentionRun three = new AttentionRun("vector", KvFormat.Q8_0, 100, 3, 1);

        assertThat(one.cacheBytes()).isEqualTo(100 * 8 * 64 * 2 * 2.0);
        assertThat(three.cacheBytes()).isEqualTo(100 * 8 * (64 * 2 + 3 * 2.0));
        assertThat(one.macs()).isEqualTo(2 * 100 * 32 * 64.0);
        assertThat(three.macs()).isEqualTo(2 * (98 + 99 + 100) * 32 * 64.0);
    }

    @Test
    void measuresBesideTheLimits() {
        AttentionResult result = new AttentionRun("vector", KvFormat.Q8_0, 300, 2, 1)
                .measure(Duration.ofMillis(10));

        assertThat(result.micros().median()).isPositive();
        assertThat(result.bandwidthShare().median()).isPositive();
        assertThat(result.fmaShare().median()).isPositive();
        assertThat(result.line()).contains("vector", "Q8_0", "300");
    }

    @Test
    void refusesMorePositionsThanTheCacheHolds() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new AttentionRun("vector", KvFormat.F16, 4, 5, 1))
                .withMessageContaining("at least --tokens").withMessageContaining("4, 5 and 1");
    }
}
