package dev.millrace.server.metering.report;

import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.*;

class BootstrapTest {

    @Test
    void aRatioThatIsTheSameInEveryBlockIsCertain() {
        double[] below = {1, 2, 3, 4, 5, 0};
        double[] above = {3, 6, 9, 12, 15, 0};

        Bootstrap.Interval interval = Bootstrap.ratio(above, below).orElseThrow();

        assertThat(new double[]{interval.p5(), interval.p50(), interval.p95()})
                .usingComparatorWithPrecision(1e-12).containsExactly(3, 3, 3);
    }

    @Test
    void fewBlocksSayNothing() {
        assertThat(Bootstrap.ratio(new double[]{1, 1, 1, 1, 9}, new double[]{1, 1, 1, 1, 0}))
                .isEmpty();
    }

    /** The interval of a mean of n uniform values is known: 0.5 +- 1.645 x 0.2887 / sqrt(n). */
    @Test
    void theIntervalIsAsWideAsItShouldBe() {
        int blocks = 400;
        double[] above = new double[blocks];
        double[] below = new double[blocks];
        SplittableRandom random = new SplittableRandom(1);
        for (int i = 0; i < blocks; i++) {
            above[i] = random.nextDouble();
            below[i] = 1;
        }

        Bootstrap.Interval interval = Bootstrap.ratio(above, below).orElseThrow();

        assertThat((interval.p95() - interval.p5()) / 2)
                .isCloseTo(1.645 * 0.2887 / Math.sqrt(blocks), withinPercentage(15));
        assertThat(interval.p5()).isLessThan(0.5);
        assertThat(interval.p95()).isGreaterThan(0.5);
    }
}
