package dev.millrace.engine.forward;

import dev.millrace.kernels.cpu.CpuKernels;
import java.util.Arrays;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

import static org.assertj.core.api.Assertions.*;

/** Distributions that llama.cpp's own tests of its samplers expect. */
class PublishedSamplersTest {

    private static final int GRID = 100_000;
    private static final double[] FOUR = {0.4, 0.3, 0.2, 0.1};
    private static final TokenFilters PLAIN = TokenFilters.of(1, 0, 1, 0);

    static Stream<Arguments> filters() {
        return Stream.of(
                Arguments.of(PLAIN.typical(0.5f), new double[]{0.97, 0.01, 0.01, 0.01},
                        new double[]{1, 0, 0, 0}),
                Arguments.of(PLAIN.typical(0.5f), new double[]{0.4, 0.2, 0.2, 0.2},
                        new double[]{0, 0.333333, 0.333333, 0.333333}),
                Arguments.of(PLAIN.excludingTop(1, 0.09f), FOUR, new double[]{0, 0, 0, 1}),
                Arguments.of(PLAIN.excludingTop(1, 0.19f), FOUR,
                        new double[]{0, 0, 0.666667, 0.333333}),
                Arguments.of(PLAIN.excludingTop(1, 0.29f), FOUR,
                        new double[]{0, 0.5, 0.333333, 0.166667}),
                Arguments.of(PLAIN.excludingTop(1, 0.39f), FOUR, FOUR),
                Arguments.of(PLAIN.sigmas(1), FOUR, new double[]{0.571429, 0.428571, 0, 0}),
                Arguments.of(PLAIN.sigmas(3), FOUR, FOUR));
    }

    @ParameterizedTest
    @MethodSource("filters")
    void filters(TokenFilters filters, double[] probabilities, double[] expected) {
        float[] logits = logs(probabilities);
        CandidateFilters candidates = new CandidateFilters(CpuKernels.scalar(), logits.length);
        candidates.select(logits, 0, logits[0], filters, 0);
        double[] shares = new double[logits.length];
        for (int i = 0; i < GRID; i++) {
            shares[candidates.draw((i + 0.5) / GRID)] += 1.0 / GRID;
        }

        assertThat(shares).containsExactly(expected, within(2.0 / GRID));
    }

    static Stream<Arguments> runs() {
        SequenceBreakers none = SequenceBreakers.NONE;
        SequenceBreakers three = new SequenceBreakers(Map.of(3, new int[][]{{}}));
        double[] fifths = {0.2, 0.2, 0.2, 0.2, 0.2};
        return Stream.of(
                Arguments.of(new DryPenalty(1, 1.1f, 2, 4, none), new int[]{0, 1},
                        new double[]{0.25, 0.25, 0.25, 0.25}),
                Arguments.of(new DryPenalty(1, 1.1f, 2, 5, none), new int[]{0, 1, 2, 0, 1},
                        new double[]{0.296923, 0.296923, 0.109232, 0.296923}),
                Arguments.of(new DryPenalty(1, 1.1f, 2, 6, three), new int[]{0, 1, 3, 4, 0, 1},
                        fifths),
                Arguments.of(new DryPenalty(2, 1.1f, 2, 5, none), new int[]{0, 1, 2, 0, 1},
                        new double[]{0.241818, 0.241818, 0.032727, 0.241818, 0.241818}),
                Arguments.of(new DryPenalty(1, 1.1f, 4, 7, none), new int[]{0, 1, 2, 3, 4, 0, 1},
                        fifths));
    }

    @ParameterizedTest
    @MethodSource("runs")
    void repeatedRuns(DryPenalty dry, int[] text, double[] expected) {
        float[] logits = new float[expected.length];
        SamplingRow sampling = SamplingRow.GREEDY.penalised(Penalties.NONE.with(dry), text, 0);

        new LogitAdjuster(logits.length).adjust(logits, 0, sampling, text, 0, 0, null);

        double sum = 0;
        for (float logit : logits) {
            sum += Math.exp(logit);
        }
        for (int token = 0; token < logits.length; token++) {
            assertThat(Math.exp(logits[token]) / sum).isCloseTo(expected[token], within(1e-5));
        }
    }

    @Test
    void aLongRunForbidsButNeverPoisons() {
        int[] text = new int[3000];
        float[] logits = {5, 1};
        SamplingRow sampling = SamplingRow.GREEDY.penalised(Penalties.NONE.with(
                new DryPenalty(1000, 1000, 0, -1, SequenceBreakers.NONE)), text, 0);

        new LogitAdjuster(2).adjust(logits, 0, sampling, text, 0, 0, null);

        assertThat(logits[0]).isBetween(-1.1e30f, -0.9e30f);
        assertThat(logits[1]).isEqualTo(1);
    }

    @Test
    void theEndIsHeldBackUntilThereIsEnoughUnlessNothingElseMayBeSaid() {
        LogitRules rules = new LogitRules(new int[0], new float[0], null, new int[0][],
                new int[]{1, 2}, 3);
        Sampler sampler = new Sampler(CpuKernels.scalar(), 4);
        for (int said = 0; said < 5; said++) {
            SamplingRow sampling = new SamplingRow(TokenFilters.GREEDY, Penalties.NONE, rules, 0,
                    new int[9], 4 + said, 4, new long[0][]);
            SequenceRow row = new SequenceRow(new int[]{0}, 4, new int[1][1],
                    SequenceRow.NO_ADAPTER, OutputRequest.SAMPLE_LAST, sampling);
            assertThat(sampler.sample(new float[]{1, 9, 8, 2}, 0, row, 0)).as("after %d", said)
                    .isEqualTo(said < 3 ? 3 : 1);
            SequenceRow masked = new SequenceRow(new int[]{0}, 4, new int[1][1],
                    SequenceRow.NO_ADAPTER, OutputRequest.SAMPLE_LAST,
                    sampling.masked(new long[]{0b0100}));
            assertThat(sampler.sample(new float[]{1, 9, 8, 2}, 0, masked, 0)).isEqualTo(2);
        }
    }

    private static float[] logs(double[] probabilities) {
        float[] logits = new float[probabilities.length];
        for (int i = 0; i < logits.length; i++) {
            logits[i] = (float) Math.log(probabilities[i]);
        }
        return logits;
    }

    @Test
    void breakersAreFoundByHeadAndTail() {
        SequenceBreakers breakers = new SequenceBreakers(
                Map.of(7, new int[][]{{8, 9}, {8}}, 5, new int[][]{{}}));
        int[] newestFirst = {9, 8, 7, 5};

        assertThat(breakers.reach(newestFirst, 2)).isEqualTo(2);
        assertThat(breakers.reach(Arrays.copyOfRange(newestFirst, 1, 4), 1)).isEqualTo(1);
        assertThat(breakers.reach(newestFirst, 3)).isZero();
        assertThat(breakers.reach(newestFirst, 0)).isEqualTo(SequenceBreakers.NOWHERE);
        assertThat(breakers.reach(new int[]{7}, 0)).isEqualTo(SequenceBreakers.NOWHERE);
        assertThat(breakers.breaksAlone(5)).isTrue();
        assertThat(breakers.breaksAlone(7)).isFalse();
    }
}
