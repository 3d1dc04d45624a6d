package dev.millrace.server.cli;

import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.*;

class DivergenceTest {

    private static final Offset<Double> CLOSE = within(1e-6);

    private final Divergence divergence = new Divergence();

    /** A gives 1/2, 1/4, 1/4; B gives 1/4, 1/2, 1/4. */
    @Test
    void agreesWithTheDefinition() {
        divergence.add(logits(0, 2, 1, 1), logits(0, 1, 2, 1), 1, 3, 0);

        double nat = 0.5 * Math.log(2) + 0.25 * Math.log(0.5);
        assertThat(divergence.mean()).isCloseTo(nat, CLOSE);
        assertThat(divergence.quantile(0.5)).isCloseTo(nat, CLOSE);
        assertThat(divergence.agreement()).isZero();
        assertThat(divergence.perplexityA()).isCloseTo(2, CLOSE);
        assertThat(divergence.perplexityB()).isCloseTo(4, CLOSE);
        assertThat(divergence.meanChange()).isCloseTo(-0.25, CLOSE);
        assertThat(divergence.rootMeanSquareChange()).isCloseTo(0.25, CLOSE);
    }

    @Test
    void isNothingBetweenEqualsHoweverTheirLogitsAreShifted() {
        divergence.add(logits(5, 3, 1), logits(25, 23, 21), 0, 3, 2);

        assertThat(divergence.mean()).isCloseTo(0, CLOSE);
        assertThat(divergence.agreement()).isOne();
        assertThat(divergence.perplexityB())
                .isCloseTo(divergence.perplexityA(), within(1e-3));
    }

    @Test
    void passesOverTokensThatTheReferenceNeverChooses() {
        float never = Float.NEGATIVE_INFINITY;
        divergence.add(logits(1, never), logits(1, never), 0, 2, 0);
        divergence.add(logits(1, never), logits(1, 1), 0, 2, 0);

        assertThat(divergence.quantile(0.5)).isCloseTo(0, CLOSE);
        assertThat(divergence.quantile(1)).isCloseTo(Math.log(2), CLOSE);
    }

    @Test
    void tellsQuantilesAndTheMeansError() {
        for (int i = 0; i < 3000; i++) { // more than fit at first
            boolean apart = i % 100 == 0;
            divergence.add(logits(1, 1), apart ? logits(2, 1) : logits(1, 1), 0, 2, 0);
        }
        double apart = -0.5 * Math.log(8.0 / 9);

        assertThat(divergence.positions()).isEqualTo(3000);
        assertThat(divergence.quantile(0.99)).isCloseTo(0, CLOSE);
        assertThat(divergence.quantile(0.995)).isCloseTo(apart, CLOSE);
        assertThat(divergence.mean()).isCloseTo(apart / 100, CLOSE);
        assertThat(divergence.meanError())
                .isCloseTo(apart * Math.sqrt(0.01 * 0.99 / 3000), within(1e-5));
    }

    /** Logits of weights 2^x, so that probabilities are fractions one can see. */
    private static float[] logits(double... exponents) {
        float[] logits = new float[exponents.length];
        for (int i = 0; i < logits.length; i++) {
            logits[i] = (float) (exponents[i] * Math.log(2));
        }
        return logits;
    }
}
