package dev.millrace.engine;

import java.time.Duration;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.*;

class WaitEstimateTest {

    private static final long SECOND = 1_000_000_000L;

    private final WaitEstimate estimate = new WaitEstimate();

    @Test
    void knowsNothingAtFirstAndSaysTheLeast() {
        assertThat(estimate.wait(100)).isEqualTo(Duration.ofSeconds(1));
    }

    @Test
    void isTheLengthOfTheQueueTimesTheTimeBetweenDepartures() {
        for (int i = 1; i <= 100; i++) {
            estimate.departed(0, i * 2 * SECOND);
        }

        assertThat(estimate.wait(10)).isEqualTo(Duration.ofSeconds(20));
    }

    @Test
    void doesNotTakeAnEmptyQueueForASlowOne() {
        for (int i = 1; i <= 100; i++) {
            estimate.departed(i * 60 * SECOND, i * 60 * SECOND + SECOND / 10);
        }

        assertThat(estimate.wait(10)).isEqualTo(Duration.ofSeconds(1));
    }

    @Test
    void neverSaysMoreThanTheMost() {
        for (int i = 1; i <= 100; i++) {
            estimate.departed(0, i * 100 * SECOND);
        }

        assertThat(estimate.wait(10_000)).isEqualTo(WaitEstimate.MOST);
    }
}
