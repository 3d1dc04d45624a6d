package dev.millrace.engine.forward;

import dev.millrace.kernels.cpu.CpuKernels;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

import static org.assertj.core.api.Assertions.*;

class SamplerTest {

    /** Probabilities 0.4, 0.3, 0.15, 0.1, 0.05 at tokens 3, 0, 4, 1, 2. */
    private static final float[] FIVE = logs(0.3, 0.1, 0.05, 0.4, 0.15);

    private static float[] logs(double... probabilities) {
        float[] logits = new float[probabilities.length];
        for (int i = 0; i < logits.length; i++) {
            logits[i] = (float) Math.log(probabilities[i]) + 3;
        }
        return logits;
    }

    private static int sample(float[] logits, SamplingRow sampling, int position) {
        SequenceRow row = new SequenceRow(new int[]{0}, position, new int[1][1],
                SequenceRow.NO_ADAPTER, OutputRequest.SAMPLE_LAST, sampling);
        // In the middle of a larger array, whose other elements must not matter.
        float[] surrounded = new float[logits.length + 6];
        Arrays.fill(surrounded, 1e9f);
        System.arraycopy(logits, 0, surrounded, 3, logits.length);
        int token = new Sampler(CpuKernels.scalar(), logits.length).sample(surrounded, 3, row, 0);
        assertThat(surrounded).startsWith(1e9f, 1e9f, 1e9f).endsWith(1e9f, 1e9f, 1e9f);
        return token;
    }

    /** How often each token is drawn at positions 0 to {@code draws}. */
    private static double[] shares(float[] logits, SamplingRow sampling, int draws) {
        double[] shares = new double[logits.length];
        for (int position = 0; position < draws; position++) {
            shares[sample(logits, sampling, position)] += 1.0 / draws;
        }
        return shares;
    }

    @Test
    void drawsFollowTheProbabilities() {
        double[] shares = shares(FIVE, SamplingRow.of(1, 0, 1, 0, 9), 20_000);

        assertThat(shares).containsExactly(new double[]{0.3, 0.1, 0.05, 0.4, 0.15}, within(0.012));
    }

    @Test
    void temperatureSharpensAndFlattens() {
        double sharp = 0.16 + 0.09 + 0.0225 + 0.01 + 0.0025;
        assertThat(shares(FIVE, SamplingRow.of(0.5f, 0, 1, 0, 9), 20_000)[3])
                .isCloseTo(0.16 / sharp, within(0.012));
        double flat = DoubleStream.of(0.4, 0.3, 0.15, 0.1, 0.05).map(Math::sqrt).sum();
        assertThat(shares(FIVE, SamplingRow.of(2, 0, 1, 0, 9), 20_000)[3])
                .isCloseTo(Math.sqrt(0.4) / flat, within(0.012));
    }

    @ParameterizedTest
    @ValueSource(floats = {Float.MIN_VALUE, 1e-38f, 1e-20f, 1e-6f})
    void aTinyTemperatureIsGreedy(float temperature) {
        for (int position = 0; position < 50; position++) {
            assertThat(sample(FIVE, SamplingRow.of(temperature, 0, 1, 0, 9), position))
                    .isEqualTo(3);
            assertThat(sample(FIVE, SamplingRow.of(temperature, 3, 0.9f, 0.1f, 9), position))
                    .isEqualTo(3);
        }
    }

    @Test
    void aHugeTemperatureIsUniform() {
        double[] shares = shares(FIVE, SamplingRow.of(Float.MAX_VALUE, 0, 1, 0, 9), 20_000);

        assertThat(shares).containsExactly(new double[]{0.2, 0.2, 0.2, 0.2, 0.2}, within(0.012));
    }

    static Stream<Arguments> filters() {
        return Stream.of(
                Arguments.of("top-k 1", SamplingRow.of(1, 1, 1, 0, 9), new int[]{3}),
                Arguments.of("top-k 2", SamplingRow.of(1, 2, 1, 0, 9), new int[]{0, 3}),
                Arguments.of("top-k beyond the vocabulary", SamplingRow.of(1, 99, 1, 0, 9),
                        new int[]{0, 1, 2, 3, 4}),
                Arguments.of("top-p 0", SamplingRow.of(1, 0, 0, 0, 9), new int[]{3}),
                Arguments.of("top-p just under a boundary", SamplingRow.of(1, 0, 0.69f, 0, 9),
                        new int[]{0, 3}),
                Arguments.of("top-p just over a boundary", SamplingRow.of(1, 0, 0.71f, 0, 9),
                        new int[]{0, 3, 4}),
                Arguments.of("min-p", SamplingRow.of(1, 0, 1, 0.26f, 9), new int[]{0, 3, 4}),
                Arguments.of("min-p 1", SamplingRow.of(1, 0, 1, 1, 9), new int[]{3}),
                // Of the best two, 4/7 and 3/7, the first alone reaches a half.
                Arguments.of("top-p of what top-k left", SamplingRow.of(1, 2, 0.5f, 0, 9),
                        new int[]{3}),
                Arguments.of("all three", SamplingRow.of(1, 4, 0.96f, 0.3f, 9),
                        new int[]{0, 3, 4}));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("filters")
    void filtersKeepWhatTheyShould(String name, SamplingRow sampling, int[] kept) {
        double[] shares = shares(FIVE, sampling, 2_000);

        int[] drawn = IntStream.range(0, 5).filter(token -> shares[token] > 0).toArray();
        assertThat(drawn).isEqualTo(kept);
    }

    @Test
    void aNucleusIsTheSmallestSetForAnyShareOfAnyDistribution() {
        Random random = new Random(4);
        Nucleus nucleus = new Nucleus(3_000);
        for (int round = 0; round < 300; round++) {
            int count = 1 + random.nextInt(3_000);
            float[] weights = new float[count];
            for (int i = 0; i < count; i++) {
                // Few distinct values in every third round, so that ties are cut.
                double logit = round % 3 == 0 ? random.nextInt(4) : 3 * random.nextGaussian();
                weights[i] = (float) Math.exp(logit - 9);
            }
            float share = random.nextFloat();

            int[] tokens = IntStream.range(0, count).toArray();
            float[] keptWeights = weights.clone();
            int kept = nucleus.keep(tokens, keptWeights, keptWeights, 0, count, share);

            int[] expected = smallestSet(weights, share);
            assertThat(Arrays.copyOf(tokens, kept)).as("round %d", round).isEqualTo(expected);
            for (int i = 0; i < kept; i++) {
                assertThat(keptWeights[i]).isEqualTo(weights[tokens[i]]);
            }
        }
    }

    /** By sorting everything, heaviest first, equals in order of index. */
    private static int[] smallestSet(float[] weights, float share) {
        int[] order = IntStream.range(0, weights.length).boxed()
                .sorted((a, b) -> Float.compare(weights[b], weights[a]))
                .mapToInt(Integer::intValue).toArray();
        double total = 0;
        for (float weight : weights) {
            total += weight;
        }
        double sum = 0;
        int kept = 0;
        while (kept == 0 || sum < share * total) {
            sum += weights[order[kept++]];
        }
        return Arrays.stream(order, 0, kept).sorted().toArray();
    }

    @Test
    void theLargestAreSelectedBestFirstAndEqualsInOrder() {
        Random random = new Random(5);
        TopSelection selection = new TopSelection(500);
        for (int round = 0; round < 300; round++) {
            int count = 1 + random.nextInt(500);
            float[] values = new float[count + 2];
            for (int i = 0; i < values.length; i++) {
                values[i] = round % 2 == 0
                        ? random.nextInt(6) - 3
                        : (float) random.nextGaussian() * 100;
            }
            values[1 + random.nextInt(count)] = Float.NEGATIVE_INFINITY;
            values[1 + random.nextInt(count)] = -0f;
            int wanted = random.nextInt(count + 3);

            int found = selection.select(values, 1, count, wanted);

            int[] expected = IntStream.range(0, count).boxed()
                    .sorted((a, b) -> Float.compare(values[b + 1] + 0f, values[a + 1] + 0f))
                    .limit(wanted).mapToInt(Integer::intValue).toArray();
            int[] indices = IntStream.range(0, found).map(selection::index).toArray();
            assertThat(indices).as("round %d", round).isEqualTo(expected);
            for (int i = 0; i < found; i++) {
                assertThat(selection.value(i)).isEqualTo(values[indices[i] + 1] + 0f);
            }
        }
    }

    @Test
    void greedyTakesTheFirstOfEquals() {
        assertThat(sample(new float[]{1, 7, 7, 2}, SamplingRow.GREEDY, 0)).isEqualTo(1);
        assertThat(sample(new float[]{1, 7, 7, 2}, SamplingRow.of(1, 1, 1, 0, 9), 0)).isEqualTo(1);
    }

    @Test
    void maskedTokensAreNeverDrawn() {
        float[] logits = new float[200];
        Arrays.fill(logits, 2);
        long[] mask = {0, -1L << 60, 5, 0};
        SamplingRow sampling = SamplingRow.of(1, 0, 1, 0, 9).masked(mask);

        double[] shares = shares(logits, sampling, 600);

        assertThat(IntStream.range(0, 200).filter(token -> shares[token] > 0))
                .containsExactly(124, 125, 126, 127, 128, 130);
    }

    @Test
    void biasIsAddedAndNegativeInfinityForbids() {
        assertThat(sample(FIVE, biased(2, 50f), 0)).isEqualTo(2);
        for (int position = 0; position < 200; position++) {
            assertThat(sample(FIVE, biased(3, Float.NEGATIVE_INFINITY), position)).isNotEqualTo(3);
        }
    }

    private static SamplingRow biased(int token, float bias) {
        return SamplingRow.of(1, 0, 1, 0, 9)
                .ruled(LogitRules.biased(new int[]{token}, new float[]{bias}));
    }

    @Test
    void theRepetitionPenaltyDividesPositiveAndMultipliesNegativeLogitsOnce() {
        int[] history = {0, 0, 1, 1, 1};
        // Token 0 falls from 3 to 1.5, token 1 from -1 to -2, whatever their counts.
        assertThat(sample(new float[]{3, -1, 1.4f}, penalised(2, 0, 0, history, 2), 0))
                .isEqualTo(0);
        assertThat(sample(new float[]{3, -1, 1.6f}, penalised(2, 0, 0, history, 2), 0))
                .isEqualTo(2);
        assertThat(sample(new float[]{-9, -1, -1.9f}, penalised(2, 0, 0, history, 2), 0))
                .isEqualTo(2);
    }

    @Test
    void presenceAndFrequencyLookAtTheCompletionOnly() {
        int[] history = {2, 2, 2, 0, 0, 1};
        // Token 0 twice in the completion, token 1 once, token 2 in the prompt only.
        assertThat(sample(new float[]{5, 4.1f, 1}, penalised(1, 0, 0.5f, history, 3), 0))
                .as("5 - 2 * 0.5 against 4.1 - 0.5").isEqualTo(0);
        assertThat(sample(new float[]{5, 4.1f, 1}, penalised(1, 0, 1, history, 3), 0))
                .as("5 - 2 against 4.1 - 1").isEqualTo(1);
        assertThat(sample(new float[]{5, 4.1f, 1}, penalised(1, 3.2f, 0.5f, history, 3), 0))
                .as("both lose their presence, 2 does not").isEqualTo(2);
    }

    private static SamplingRow penalised(float repetition, float presence, float frequency,
            int[] history, int historyPrompt) {
        return SamplingRow.GREEDY.penalised(Penalties.of(repetition, presence, frequency), history,
                historyPrompt);
    }

    @Test
    void aSamplerCarriesNothingFromOneDrawToTheNext() {
        Sampler sampler = new Sampler(CpuKernels.scalar(), 3);
        SamplingRow penalised = penalised(2, 1, 1, new int[]{0, 0, 1}, 0);
        SequenceRow row = new SequenceRow(new int[]{0}, 0, new int[1][1], SequenceRow.NO_ADAPTER,
                OutputRequest.SAMPLE_LAST, penalised);
        for (int i = 0; i < 3; i++) {
            assertThat(sampler.sample(new float[]{4, 1.9f, -3}, 0, row, 0)).isEqualTo(0);
        }
    }

    static Stream<float[]> poisons() {
        return Stream.of(new float[]{1, Float.NaN, 2},
                new float[]{1, Float.POSITIVE_INFINITY, 2},
                new float[]{Float.NEGATIVE_INFINITY, Float.NEGATIVE_INFINITY});
    }

    @ParameterizedTest
    @MethodSource("poisons")
    void poisonedLogitsGiveNoToken(float[] logits) {
        assertThat(sample(logits, SamplingRow.GREEDY, 0)).isEqualTo(Sampler.POISONED);
        assertThat(sample(logits, SamplingRow.of(1, 2, 0.9f, 0.1f, 9), 0))
                .isEqualTo(Sampler.POISONED);
    }

    @Test
    void noiseIsUniformAndItsStreamsAreUnrelated() {
        double[] sums = new double[4];
        int draws = 50_000;
        for (int i = 0; i < draws; i++) {
            double here = CounterNoise.uniform(1, i) - 0.5;
            double nextSeed = CounterNoise.uniform(2, i) - 0.5;
            double nextPosition = CounterNoise.uniform(1, i + 1) - 0.5;
            assertThat(here).isBetween(-0.5, 0.49999999999999994);
            sums[0] += here / draws;
            sums[1] += here * here / draws;
            sums[2] += here * nextSeed / draws;
            sums[3] += here * nextPosition / draws;
        }
        assertThat(sums[0]).isCloseTo(0, within(0.004));
        assertThat(sums[1]).as("variance").isCloseTo(1.0 / 12, within(0.001));
        assertThat(sums[2]).as("covariance of seeds").isCloseTo(0, within(0.0015));
        assertThat(sums[3]).as("covariance of positions").isCloseTo(0, within(0.0015));
    }
}
