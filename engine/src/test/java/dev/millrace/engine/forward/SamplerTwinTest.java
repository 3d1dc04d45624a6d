package dev.millrace.engine.forward;

import dev.millrace.kernels.cpu.CpuKernels;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

import static org.assertj.core.api.Assertions.*;

/** The sampler does on random logits what its plain twin says. */
class SamplerTwinTest {

    private static final int GRID = 4000;

    /** Which of the filters a round uses. */
    enum Used {
        TYPICAL,
        TOP_N_SIGMA,
        XTC,
        TOP_K_TYPICAL_TOP_P,
        ALL;

        TokenFilters filters(Random random) {
            TokenFilters plain = TokenFilters.of(0.3f + 2 * random.nextFloat(), 0, 1, 0);
            return switch (this) {
                case TYPICAL -> plain.typical(random.nextFloat());
                case TOP_N_SIGMA -> plain.sigmas(3 * random.nextFloat());
                case XTC -> plain.excludingTop(1, random.nextFloat() / 4);
                case TOP_K_TYPICAL_TOP_P -> TokenFilters.of(1.5f, 1 + random.nextInt(60),
                        random.nextFloat(), 0).typical(random.nextFloat());
                case ALL -> TokenFilters.of(2, 1 + random.nextInt(200),
                        0.5f + random.nextFloat() / 2, random.nextFloat() / 5)
                        .typical(0.5f + random.nextFloat() / 2)
                        .sigmas(1 + 2 * random.nextFloat())
                        .excludingTop(1, random.nextFloat() / 8);
            };
        }
    }

    @ParameterizedTest
    @EnumSource
    void filtersLeaveTheDistributionThatTheyShould(Used used) {
        Random random = new Random(used.ordinal());
        for (int round = 0; round < 60; round++) {
            float[] logits = logits(random, 1 + random.nextInt(300), round % 3 == 0);
            TokenFilters filters = used.filters(random);
            CandidateFilters candidates = new CandidateFilters(CpuKernels.scalar(), logits.length);
            float max = logits[CpuKernels.scalar().argmax(logits, 0, logits.length)];
            double[] expected = PlainSampler.distribution(IntStream.range(0, logits.length)
                    .mapToDouble(token -> logits[token]).toArray(), filters,
                    filters.xtcProbability() > 0);

            candidates.select(logits.clone(), 0, max, filters, 0.5);
            double[] shares = new double[logits.length];
            for (int i = 0; i < GRID; i++) {
                shares[candidates.draw((i + 0.5) / GRID)] += 1.0 / GRID;
            }

            assertThat(shares).as("%s, round %d, %s", used, round, filters)
                    .containsExactly(expected, within(1.2 / GRID));
            for (int token = 0; token < shares.length; token++) {
                assertThat(shares[token] > 0 && expected[token] == 0).isFalse();
            }
        }
    }

    /** @param ties whether many are equal */
    private static float[] logits(Random random, int count, boolean ties) {
        float[] logits = new float[count];
        for (int i = 0; i < count; i++) {
            logits[i] = ties ? random.nextInt(7) : (float) (3 * random.nextGaussian());
            if (random.nextInt(9) == 0) {
                logits[i] = Float.NEGATIVE_INFINITY;
            }
        }
        logits[random.nextInt(count)] = 7;
        return logits;
    }

    @Test
    void rulesAndPenaltiesChangeLogitsAsTheyShould() {
        Random random = new Random(77);
        int dryHits = 0;
        for (int round = 0; round < 400; round++) {
            int vocabulary = 2 + random.nextInt(round % 4 == 0 ? 150 : 8);
            int[] text = random.ints(1 + random.nextInt(60), 0, vocabulary).toArray();
            int history = 1 + random.nextInt(text.length);
            SamplingRow sampling = SamplingRow.GREEDY
                    .penalised(penalties(random, vocabulary), text, random.nextInt(history + 1))
                    .ruled(rules(random, vocabulary));
            sampling = new SamplingRow(sampling.filters(), sampling.penalties(), sampling.rules(),
                    0, text, history, sampling.historyPrompt(), sampling.masks());
            long[] mask = random.nextBoolean() ? null : bits(random, vocabulary);
            float[] logits = logits(random, vocabulary, false);
            double[] expected = PlainSampler.adjusted(logits, sampling, text, mask);

            float[] adjusted = new float[vocabulary + 5];
            System.arraycopy(logits, 0, adjusted, 5, vocabulary);
            LogitAdjuster adjuster = new LogitAdjuster(vocabulary);
            for (int i = 0; i < 2; i++) { // nothing is left over from the first time
                System.arraycopy(logits, 0, adjusted, 5, vocabulary);
                adjuster.adjust(adjusted, 5, sampling, text, history, text.length, mask);
            }

            for (int token = 0; token < vocabulary; token++) {
                if (Double.isInfinite(expected[token])) {
                    assertThat(adjusted[5 + token]).isEqualTo(Float.NEGATIVE_INFINITY);
                } else {
                    assertThat((double) adjusted[5 + token]).as("round %d, token %d", round, token)
                            .isCloseTo(expected[token],
                                    within(1e-5 * (10 + Math.abs(expected[token]))));
                }
            }
            SamplingRow without = sampling.penalised(Penalties.NONE, text,
                    sampling.historyPrompt());
            dryHits += Arrays.equals(expected, PlainSampler.adjusted(logits, without, text, mask))
                    ? 0
                    : 1;
        }
        assertThat(dryHits).as("rounds in which a penalty did something").isGreaterThan(200);
    }

    private static Penalties penalties(Random random, int vocabulary) {
        Penalties single = random.nextBoolean()
                ? Penalties.NONE
                : Penalties.of(0.5f + random.nextFloat(), random.nextFloat(), random.nextFloat())
                        .onLast(random.nextInt(-1, 40));
        if (random.nextInt(4) == 0) {
            return single;
        }
        Map<Integer, int[][]> breakers = new HashMap<>();
        for (int i = random.nextInt(3); i > 0; i--) {
            int[] tail = random.ints(random.nextInt(3), 0, vocabulary).toArray();
            breakers.put(random.nextInt(vocabulary), new int[][]{tail, {0, 1}});
        }
        return single.with(new DryPenalty(random.nextFloat() * 2, 1 + random.nextFloat(),
                random.nextInt(4), random.nextInt(3) == 0 ? -1 : random.nextInt(40),
                new SequenceBreakers(breakers)));
    }

    private static LogitRules rules(Random random, int vocabulary) {
        int[][] banned = new int[random.nextInt(4)][];
        for (int i = 0; i < banned.length; i++) {
            banned[i] = random.ints(1 + random.nextInt(3), 0, vocabulary).toArray();
        }
        return new LogitRules(new int[]{vocabulary - 1}, new float[]{random.nextFloat()},
                random.nextInt(3) == 0 ? bits(random, vocabulary) : null, banned, new int[0], 0);
    }

    private static long[] bits(Random random, int vocabulary) {
        return random.longs(Math.ceilDiv(vocabulary, 64)).toArray();
    }

    /** Draws with real noise, against the twin's probabilities, by Pearson's chi-square. */
    @ParameterizedTest
    @EnumSource
    void drawsFollowTheDistribution(Used used) {
        Random random = new Random(100 + used.ordinal());
        float[] logits = new float[30];
        for (int i = 0; i < logits.length; i++) {
            logits[i] = (float) random.nextGaussian();
        }
        TokenFilters filters = used.filters(random).excludingTop(
                used == Used.XTC || used == Used.ALL ? 0.4f : 0, 0.06f);
        double[] input = IntStream.range(0, 30).mapToDouble(token -> logits[token]).toArray();
        double[] kept = PlainSampler.distribution(input, filters, false);
        double[] excluded = PlainSampler.distribution(input, filters, true);
        Sampler sampler = new Sampler(CpuKernels.scalar(), logits.length);
        int draws = 20_000;
        long[] counts = new long[logits.length];
        for (int position = 0; position < draws; position++) {
            SequenceRow row = new SequenceRow(new int[]{0}, position, new int[1][1],
                    SequenceRow.NO_ADAPTER, OutputRequest.SAMPLE_LAST,
                    SamplingRow.of(filters, 5));
            counts[sampler.sample(logits.clone(), 0, row, 0)]++;
        }

        double statistic = 0;
        int kinds = 0;
        for (int token = 0; token < counts.length; token++) {
            double share = filters.xtcProbability() * excluded[token]
                    + (1 - filters.xtcProbability()) * kept[token];
            if (share == 0) {
                assertThat(counts[token]).isZero();
            } else {
                statistic += Math.pow(counts[token] - draws * share, 2) / (draws * share);
                kinds++;
            }
        }
        // Four standard deviations beyond the mean of a chi-square of so many kinds.
        assertThat(statistic).isLessThan(kinds - 1 + 4 * Math.sqrt(2 * Math.max(1, kinds - 1)));
        assertThat(kinds).isGreaterThan(1);
    }
}
