package dev.millrace.engine.forward;

import dev.millrace.kernels.cpu.CpuKernels;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

import static org.assertj.core.api.Assertions.*;

/** A draw from a survey is the draw from all logits, or none. */
class LogitSurveyTest {

    private static final int SEGMENT = 64;
    private static final int ROUNDS = 600;

    private final CpuKernels kernels = CpuKernels.scalar();

    /** Filters of a kind, and how often a survey may leave the draw open, of a hundred. */
    enum Used {
        GREEDY(0),
        TEMPERATURE(1),
        TOP_K(0),
        TOP_P(25),
        MIN_P(25),
        TOP_K_TYPICAL_TOP_P_XTC(1),
        TOP_P_MIN_P_XTC(25);

        final int openPercent;

        Used(int openPercent) {
            this.openPercent = openPercent;
        }

        TokenFilters filters(Random random) {
            float temperature = 0.3f + random.nextFloat();
            return switch (this) {
                case GREEDY -> TokenFilters.GREEDY;
                case TEMPERATURE -> TokenFilters.of(temperature, 0, 1, 0);
                case TOP_K -> TokenFilters.of(temperature, 1 + random.nextInt(60), 1, 0);
                case TOP_P -> TokenFilters.of(temperature, 0, random.nextFloat(), 0);
                case MIN_P -> TokenFilters.of(temperature, 0, 1, random.nextFloat() / 2);
                case TOP_K_TYPICAL_TOP_P_XTC -> TokenFilters.of(temperature,
                        1 + random.nextInt(60), random.nextFloat(), random.nextFloat() / 5)
                        .typical(random.nextFloat()).excludingTop(0.5f, random.nextFloat() / 4);
                case TOP_P_MIN_P_XTC -> TokenFilters.of(temperature, 0,
                        0.5f + random.nextFloat() / 2, random.nextFloat() / 5)
                        .excludingTop(0.5f, random.nextFloat() / 4);
            };
        }
    }

    @ParameterizedTest
    @EnumSource
    void aSurveyIsEnoughOrSaysSo(Used used) {
        Random random = new Random(used.ordinal());
        int open = 0;
        for (int round = 0; round < ROUNDS; round++) {
            float[] logits = logits(random, 1 + random.nextInt(700), round % 4 == 0);
            SequenceRow row = row(used.filters(random), random.nextLong(), round);
            Sampler sampler = new Sampler(kernels, logits.length);
            int least = LogitSurvey.wanted(row, 0, logits.length);
            if (least == LogitSurvey.ALL) {
                continue; // as many wanted as there are, and then typical ones
            }
            // Fewer than the usual many, so that some tokens are left out.
            int wanted = least == Math.min(LogitSurvey.MANY, logits.length)
                    ? 1 + random.nextInt(120)
                    : least;

            int drawn = sampler.draw(survey(logits, row, wanted), row, 0);

            open += drawn == Sampler.UNDECIDED ? 1 : 0;
            if (drawn != Sampler.UNDECIDED) {
                assertThat(drawn).as("round %d of %d logits, %s", round, logits.length,
                        row.sampling()).isEqualTo(sampler.sample(logits.clone(), 0, row, 0));
            }
        }
        assertThat(open * 100).as("left open").isLessThanOrEqualTo(used.openPercent * ROUNDS);
    }

    private static SequenceRow row(TokenFilters filters, long seed, int position) {
        return new SequenceRow(new int[]{0}, position, new int[1][1], SequenceRow.NO_ADAPTER,
                OutputRequest.SAMPLE_LAST, SamplingRow.of(filters, seed));
    }

    /** @param ties whether many are equal */
    private static float[] logits(Random random, int count, boolean ties) {
        float[] logits = new float[count];
        for (int i = 0; i < count; i++) {
            logits[i] = ties ? random.nextInt(9) : (float) (3 * random.nextGaussian());
            if (random.nextInt(9) == 0) {
                logits[i] = Float.NEGATIVE_INFINITY;
            }
        }
        logits[random.nextInt(count)] = 7;
        return logits;
    }

    /** Plainly: what is told of logits where so many of the likeliest are wanted. */
    private static LogitSurvey survey(float[] logits, SequenceRow row, int wanted) {
        float scale = LogitSurvey.scale(row.sampling().filters());
        float[] sorted = logits.clone();
        Arrays.sort(sorted);
        float max = sorted[sorted.length - 1];
        float least = wanted == 0 || wanted >= sorted.length
                ? Float.NEGATIVE_INFINITY
                : sorted[sorted.length - wanted];
        double[] weights = new double[logits.length];
        for (int i = 0; i < logits.length; i++) {
            weights[i] = (float) Math.exp((logits[i] - max) * scale);
        }
        LogitSurvey survey = new LogitSurvey();
        survey.begin(max, Arrays.stream(weights).sum(), 0x1p-24, logits.length, least);
        if (wanted == LogitSurvey.STRETCH) {
            stretch(survey, logits, weights, LogitSurvey.uniform(row, 0));
        }
        for (int i = logits.length - 1; i >= 0 && wanted > 0; i--) {
            if (logits[i] >= least && logits[i] > Float.NEGATIVE_INFINITY) {
                survey.add(i, logits[i], logits[i] + 1);
            }
        }
        survey.finish();
        return survey;
    }

    private static void stretch(LogitSurvey survey, float[] logits, double[] weights,
            double uniform) {
        double target = uniform * Arrays.stream(weights).sum();
        double before = 0;
        for (int first = 0; first < logits.length; first += SEGMENT) {
            int end = Math.min(first + SEGMENT, logits.length);
            double sum = Arrays.stream(weights, first, end).sum();
            if (before + sum > target) {
                survey.startStretch(before);
                for (int i = first; i < end; i++) {
                    survey.add(i, logits[i], logits[i]);
                }
                return;
            }
            before += sum;
        }
    }

    @Test
    void whatASurveyTellsComesInTheOrderOfTokens() {
        LogitSurvey survey = new LogitSurvey();
        int[] tokens = new Random(4).ints(0, 1 << 20).distinct().limit(3000).toArray();
        for (int round = 0; round < 2; round++) {
            survey.begin(1, 1, 0, 1 << 20, 0);
            for (int token : tokens) {
                survey.add(token, token / 2f, token / 4f);
            }
            survey.finish();
        }

        assertThat(survey.count).isEqualTo(tokens.length);
        int[] sorted = IntStream.of(tokens).sorted().toArray();
        for (int i = 0; i < sorted.length; i++) {
            assertThat(survey.tokens[i]).isEqualTo(sorted[i]);
            assertThat(survey.logits[i]).isEqualTo(sorted[i] / 2f);
            assertThat(survey.raw(sorted[i])).isEqualTo(sorted[i] / 4f);
        }
    }

    @Test
    void aTargetThatTheErrorPutsOnEitherSideLeavesTheDrawOpen() {
        float[] logits = {0, 0, 0, 0};
        SequenceRow row = row(TokenFilters.of(1, 0, 0.5f, 0), 1, 0);
        LogitSurvey survey = new LogitSurvey();
        survey.begin(0, 4, 1e-9, 4, Float.NEGATIVE_INFINITY);
        for (int i = 0; i < 4; i++) {
            survey.add(i, logits[i], 0);
        }
        survey.finish();

        // Two of four tokens of the same weight carry exactly the half that is asked for.
        assertThat(new Sampler(kernels, 4).draw(survey, row, 0)).isEqualTo(Sampler.UNDECIDED);
    }

    @Test
    void nothingAllowedIsPoisonUnlessEndsWereHeldBack() {
        LogitSurvey survey = new LogitSurvey();
        survey.begin(Float.NEGATIVE_INFINITY, 0, 0, 4, Float.NEGATIVE_INFINITY);
        survey.finish();
        SequenceRow plain = row(TokenFilters.of(1, 0, 1, 0), 1, 0);
        SequenceRow held = new SequenceRow(new int[]{0}, 0, new int[1][1],
                SequenceRow.NO_ADAPTER, OutputRequest.SAMPLE_LAST,
                SamplingRow.of(1, 0, 1, 0, 1).ruled(new LogitRules(new int[0], new float[0], null,
                        new int[0][], new int[]{2}, 5)));

        assertThat(new Sampler(kernels, 4).draw(survey, plain, 0)).isEqualTo(Sampler.POISONED);
        assertThat(new Sampler(kernels, 4).draw(survey, held, 0)).isEqualTo(Sampler.UNDECIDED);
    }

    @Test
    void whatFewTokensCannotTellAsksForAll() {
        TokenFilters plain = TokenFilters.of(1, 0, 1, 0);
        assertThat(wanted(plain.typical(0.5f))).isEqualTo(LogitSurvey.ALL);
        assertThat(wanted(plain.sigmas(1))).isEqualTo(LogitSurvey.ALL);
        assertThat(wanted(plain.excludingTop(1, 0.1f))).isEqualTo(LogitSurvey.ALL);
        assertThat(wanted(TokenFilters.of(1, LogitSurvey.MOST + 1, 1, 0)))
                .isEqualTo(LogitSurvey.ALL);
        assertThat(wanted(plain)).isEqualTo(LogitSurvey.STRETCH);
        assertThat(wanted(TokenFilters.of(1, 40, 0.5f, 0).typical(0.5f))).isEqualTo(40);
        assertThat(wanted(TokenFilters.of(1, 0, 0.5f, 0))).isEqualTo(LogitSurvey.MANY);
        assertThat(wanted(TokenFilters.GREEDY)).isEqualTo(1);
    }

    private static int wanted(TokenFilters filters) {
        return LogitSurvey.wanted(row(filters, 1, 1), 0, 100_000);
    }
}
