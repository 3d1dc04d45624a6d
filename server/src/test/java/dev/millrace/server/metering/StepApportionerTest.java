package dev.millrace.server.metering;

import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.*;

class StepApportionerTest {

    private final StepApportioner apportioner = new StepApportioner();

    @Test
    void sharesAlwaysAddUpToTheTotal() {
        Random random = new Random(20261121);
        for (int round = 0; round < 20_000; round++) {
            int parties = 1 + random.nextInt(random.nextInt(10) == 0 ? 600 : 20);
            double[] weights = new double[parties];
            for (int i = 0; i < parties; i++) {
                weights[i] = random.nextInt(8) == 0
                        ? 0
                        : Math.pow(10, random.nextInt(14)) * random
                                .nextDouble();
            }
            long total = random.nextLong() >>> 1 + random.nextInt(60);
            long[] shares = new long[parties];

            apportioner.apportion(total, weights, parties, shares);

            assertThat(Arrays.stream(shares).sum()).isEqualTo(total);
            assertThat(Arrays.stream(shares).min().getAsLong()).isNotNegative();
        }
    }

    @Test
    void everyShareIsWithinAUnitOfItsQuota() {
        Random random = new Random(7);
        for (int round = 0; round < 2_000; round++) {
            int parties = 2 + random.nextInt(40);
            double[] weights = random.doubles(parties, 0.01, 100).toArray();
            double sum = Arrays.stream(weights).sum();
            long total = random.nextInt(1_000_000);
            long[] shares = new long[parties];

            apportioner.apportion(total, weights, parties, shares);

            for (int i = 0; i < parties; i++) {
                // weights are scaled to 31 bits, which is worth less than a thousandth of a unit
                // here
                assertThat((double) shares[i]).isCloseTo(total * weights[i] / sum, within(1.01));
            }
        }
    }

    @Test
    void leftOverUnitsGoToTheLargestRemainders() {
        long[] shares = new long[3];

        apportioner.apportion(10, new double[]{5.4, 3.3, 1.3}, 3, shares);

        assertThat(shares).containsExactly(6, 3, 1);
    }

    @Test
    void equalPartiesTakeTurnsWithTheOddUnit() {
        double[] equal = {1, 1, 1, 1, 1, 1, 1};
        long[] totals = new long[7];
        long[] shares = new long[7];
        for (int step = 0; step < 700; step++) {
            apportioner.apportion(7 * 1_000 + 3, equal, 7, shares);
            for (int i = 0; i < 7; i++) {
                totals[i] += shares[i];
            }
        }
        assertThat(totals).containsOnly(700_300);
    }

    @Test
    void veryLongStepsOfVeryManySequencesStayExact() {
        double[] weights = new double[StepApportioner.MOST_PARTIES];
        Arrays.fill(weights, 1e-3);
        long[] shares = new long[weights.length];

        apportioner.apportion(Long.MAX_VALUE, weights, weights.length, shares);

        BigDecimal quota = BigDecimal.valueOf(Long.MAX_VALUE)
                .divide(BigDecimal.valueOf(weights.length), RoundingMode.DOWN);
        assertThat(Arrays.stream(shares).sum()).isEqualTo(Long.MAX_VALUE);
        assertThat(Arrays.stream(shares).min().getAsLong()).isEqualTo(quota.longValue());
    }

    @Test
    void nobodysWeightMeansEqualShares() {
        long[] shares = new long[4];

        apportioner.apportion(8, new double[4], 4, shares);

        assertThat(shares).containsExactly(2, 2, 2, 2);
    }

    @Test
    void impossibleDivisionsAreRefused() {
        long[] shares = new long[2];
        assertThatIllegalArgumentException()
                .isThrownBy(() -> apportioner.apportion(-1, new double[]{1, 1}, 2, shares));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> apportioner.apportion(1, new double[]{1, Double.NaN}, 2, shares));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> apportioner.apportion(1, new double[]{1, -1}, 2, shares));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> apportioner.apportion(1, new double[0], 0, shares));
    }
}
