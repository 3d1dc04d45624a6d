package dev.millrace.server.metering.attribution;

import dev.millrace.engine.StepRecord.StepShare;
import java.util.List;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.*;

class StepWeightsTest {

    @Test
    void weightsMustBeFiniteAndNotNegative() {
        assertThatIllegalArgumentException().isThrownBy(() -> new StepWeights(Double.NaN, 1, 1))
                .withMessageContaining("fixedNanos");
        assertThatIllegalArgumentException().isThrownBy(() -> new StepWeights(1, -1, 1))
                .withMessageContaining("tokenNanos");
        assertThatIllegalArgumentException().isThrownBy(
                () -> new StepWeights(1, 1, 1, 1, 1, 1, Double.POSITIVE_INFINITY))
                .withMessageContaining("adapterTokenNanos");
        assertThatIllegalArgumentException().isThrownBy(() -> new StepWeights(0, 0, 0));
    }

    @Test
    void readingTheWeightsIsSharedEquallyByTheSequencesOfAStep() {
        StepWeights weights = new StepWeights(800, 10, 1);

        assertThat(weigh(weights, decoding(5))).containsExactly(815);
        assertThat(weigh(weights, decoding(5), decoding(5), decoding(105), decoding(5)))
                .containsExactly(215, 215, 315, 215);
    }

    /** A chunk reads the cache once for all its tokens; each of them attends to its own past. */
    @Test
    void cacheIsReadByTheSequenceAndAttendedToByTheToken() {
        StepWeights weights = new StepWeights(0, 0, 1, 1_000, 1, 0, 0);
        StepShare chunk = new StepShare("a", 16, 0, 0, 16 * 256 + 16 * 17 / 2);

        assertThat(weigh(weights, decoding(300))).containsExactly(1 + 300_000 + 300);
        assertThat(weigh(weights, chunk)).containsExactly(16 + 272_000 + 16 * 256 + 136);
    }

    /** An adapter is read once for all who use it, and computed by each for itself. */
    @Test
    void whatAnAdapterTakesBelongsToThoseWhoUseIt() {
        StepWeights weights = new StepWeights(900, 7, 10, 0, 1, 0.5, 0.25);

        assertThat(weigh(weights, decoding(3), through(1, 1_000, 1), through(1, 1_000, 2),
                through(2, 400, 1))).containsExactly(225 + 7 + 10 + 3,
                        225 + 7 + 10 + 500 / 2 + 250, 225 + 7 + 20 + 500 / 2 + 2 * 250,
                        225 + 7 + 10 + 200 + 100);
    }

    @Test
    void rejectedGuessesWeighWhatTheyAddToTheStep() {
        StepWeights weights = new StepWeights(900, 7, 10, 0, 1, 0.5, 0.25);
        StepShare share = new StepShare("a", 0, 0, 1, 3, 0, 40, 1, 1_000);

        assertThat(weights.added(share)).isEqualTo(3 * (10 + 250) + 40 * 3 / 4);
        assertThat(weights.added(decoding(9))).isZero();
    }

    @Test
    void aSmallerModelIsExpectedToSpendMoreOnItsContext() {
        StepWeights large = StepWeights.DEFAULT;
        StepWeights small = StepWeights.expected(60_000_000, 100_000_000, 22_000, 65_000);

        assertThat(large.fixedNanos()).isCloseTo(1_000_000, within(1e-6));
        assertThat(large.tokenNanos()).isCloseTo(250_000, within(1e-6));
        assertThat(large.cacheNanos()).isCloseTo(36.67, within(0.01));
        assertThat(large.contextNanos()).isCloseTo(16.25, within(1e-6));
        assertThat(small.contextNanos() / small.fixedNanos())
                .isCloseTo(10 * large.contextNanos() / large.fixedNanos(), within(1e-12));
    }

    @Test
    void whatTheLedgerKeepsIsWhatWasUsed() {
        StepWeights weights = new StepWeights(16_712_016.620559, 0, 5_027_223.4, 5.910346, 0, 1e-3,
                2.5e-4);

        StepWeights kept = StepWeights.ofFemtos(weights.femtos());
        assertThat(kept.fixedNanos()).isCloseTo(weights.fixedNanos(), within(1e-6));
        assertThat(kept.cacheNanos()).isCloseTo(weights.cacheNanos(), within(1e-6));
        assertThat(StepWeights.ofFemtos(kept.femtos())).isEqualTo(kept);
    }

    private static double[] weigh(StepWeights weights, StepShare... shares) {
        double[] result = new double[shares.length];
        weights.weigh(List.of(shares), result);
        return result;
    }

    private static StepShare decoding(long contextTokens) {
        return new StepShare("a", 0, 0, 1, contextTokens);
    }

    private static StepShare through(int slot, long parameters, int promptTokens) {
        return new StepShare("a", promptTokens, 0, 0, 0, 0, 0, slot, parameters);
    }
}
