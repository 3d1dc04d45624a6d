package dev.millrace.bench.attribution;

import java.util.List;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.*;

class ShapleyValuesTest {

    @Test
    void sharesOfTheGloveGameAreThoseOfTheTextbook() {
        // players 0 and 1 have a left glove each, player 2 a right one; a pair is worth 6
        double[] worth = {0, 0, 0, 0, 0, 6, 6, 6};

        assertThat(ShapleyValues.of(worth)).containsExactly(new double[]{1, 1, 4}, within(1e-12));
    }

    @Test
    void whatAddsUpIsSharedAsItAddsUp() {
        double[] own = {3, 5, 0, 11, 2, 7};
        double[] worth = new double[64];
        for (int subset = 1; subset < worth.length; subset++) {
            worth[subset] = 12; // one step
            for (int i = 0; i < own.length; i++) {
                worth[subset] += (subset >> i & 1) * own[i];
            }
        }
        double[] shares = ShapleyValues.of(worth);

        for (int i = 0; i < own.length; i++) {
            assertThat(shares[i]).isCloseTo(2 + own[i], within(1e-9));
        }
    }

    @Test
    void stepsThatAddUpAreFittedAndSharedExactly() {
        List<StepPlayer> players = StepPlayer.parse("32+1,400+1,0+64,256+16");
        double[] worth = new double[16];
        for (int subset = 1; subset < worth.length; subset++) {
            worth[subset] = 4_000_000;
            for (int i = 0; i < players.size(); i++) {
                worth[subset] += (subset >> i & 1) * (700_000
                        + 1_000_000 * players.get(i).tokens()
                        + 900 * players.get(i).attendedTokens());
            }
        }
        double[] exact = ShapleyValues.of(worth);
        double[] shares = AdditiveFit.of(players, worth).shares(players, worth[15]);

        assertThat(ShareError.of(exact, shares).most()).isLessThan(1e-3);
    }

    @Test
    void numbersThatAreNoSubsetsAreRefused() {
        assertThatIllegalArgumentException().isThrownBy(() -> ShapleyValues.of(new double[3]));
        assertThatIllegalArgumentException().isThrownBy(() -> ShapleyValues.of(new double[1]));
    }

    @Test
    void errorsAreOfTheWholeAndOfEach() {
        ShareError error = ShareError.of(new double[]{10, 30}, new double[]{12, 28});

        assertThat(error.misplaced()).isCloseTo(0.05, within(1e-12));
        assertThat(error.most()).isCloseTo(0.2, within(1e-12));
    }

    @Test
    void theMeasuresOwnNoiseIsHalfOfWhatItsHalvesDiffer() {
        // the second player's step takes 10 in the even rounds and 12 in the odd ones
        double[][] nanos = {{0, 0, 0, 0}, {10, 10, 10, 10}, {10, 12, 10, 12}, {20, 22, 20, 22}};

        SubsetTimes times = new SubsetTimes(nanos);
        assertThat(times.medians()).containsExactly(0, 10, 11, 21);
        assertThat(times.noise()).isCloseTo(2.0 / 2 / 20 / 2, within(1e-12));
        assertThat(new SubsetTimes(new double[][]{{0}, {1}}).noise()).isNaN();
    }

    @Test
    void sequencesAreReadAndMistakesNamed() {
        StepPlayer cached = StepPlayer.parse("64+1,256+16").getLast();
        assertThat(cached).isEqualTo(new StepPlayer(256, 16));
        assertThat(cached.attendedTokens()).isEqualTo(16 * 256 + 136);
        for (String wrong : new String[]{"64+1", "64+1,64", "64+0,64+1", "-1+1,64+1", ""}) {
            assertThatIllegalArgumentException().isThrownBy(() -> StepPlayer.parse(wrong));
        }
    }
}
