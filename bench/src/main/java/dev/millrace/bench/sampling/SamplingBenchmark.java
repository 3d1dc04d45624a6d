package dev.millrace.bench.sampling;

import dev.millrace.bench.KernelNames;
import dev.millrace.engine.forward.DryPenalty;
import dev.millrace.engine.forward.LogitRules;
import dev.millrace.engine.forward.OutputRequest;
import dev.millrace.engine.forward.Penalties;
import dev.millrace.engine.forward.Sampler;
import dev.millrace.engine.forward.SamplingRow;
import dev.millrace.engine.forward.SequenceBreakers;
import dev.millrace.engine.forward.SequenceRow;
import dev.millrace.engine.forward.TokenFilters;
import java.util.Arrays;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;

/**
 * Drawing one token from the logits of one position. Drawing overwrites them, so a copy of them is
 * made each time and counts; {@code copy} is that alone.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
public class SamplingBenchmark {

    /** How far the logits of a trained model's unlikely tokens spread, about. */
    private static final double DEVIATION = 2.5;
    /** A few tokens stand out, as they do wherever a text is not a coin's toss. */
    private static final int LIKELY_TOKENS = 40;
    private static final float LIKELY_LOGIT = 14;
    private static final int HISTORY_TOKENS = 1000;
    private static final int LONG_HISTORY_TOKENS = 32_768;

    /** How tokens are drawn. */
    public enum Settings {
        COPY,
        GREEDY,
        TEMPERATURE,
        TOP_K,
        TOP_P,
        /** Hot enough that tens of thousands of tokens share the weight. */
        TOP_P_HOT,
        MIN_P,
        TYPICAL,
        TYPICAL_HOT,
        TOP_N_SIGMA,
        XTC,
        PENALTIES,
        DRY,
        /** A text that says one thing over and over. */
        DRY_REPEATING,
        RULES,
        ALL;

        private static final TokenFilters USUAL = TokenFilters.of(0.8f, 0, 0.95f, 0);

        SamplingRow row(int vocabulary) {
            int[] text = new Random(2).ints(HISTORY_TOKENS, 0, vocabulary).toArray();
            return switch (this) {
                case COPY, GREEDY -> SamplingRow.GREEDY;
                case TEMPERATURE -> SamplingRow.of(1, 0, 1, 0, 1);
                case TOP_K -> SamplingRow.of(0.8f, 40, 1, 0, 1);
                case TOP_P -> SamplingRow.of(USUAL, 1);
                case TOP_P_HOT -> SamplingRow.of(2, 0, 0.95f, 0, 1);
                case MIN_P -> SamplingRow.of(1, 0, 1, 0.05f, 1);
                case TYPICAL -> SamplingRow.of(TokenFilters.of(0.8f, 0, 1, 0).typical(0.95f), 1);
                case TYPICAL_HOT -> SamplingRow.of(TokenFilters.of(2, 0, 1, 0).typical(0.95f), 1);
                case TOP_N_SIGMA -> SamplingRow.of(TokenFilters.of(0.8f, 0, 1, 0).sigmas(1), 1);
                case XTC -> SamplingRow.of(TokenFilters.of(0.8f, 0, 1, 0).excludingTop(1, 0.1f), 1);
                case PENALTIES -> SamplingRow.of(USUAL, 1)
                        .penalised(Penalties.of(1.1f, 0.5f, 0.5f), text, 0);
                case DRY -> SamplingRow.of(USUAL, 1).penalised(dry(), text, 0);
                case DRY_REPEATING -> SamplingRow.of(USUAL, 1).penalised(dry(),
                        new int[LONG_HISTORY_TOKENS], 0);
                case RULES -> SamplingRow.of(USUAL, 1).ruled(rules(vocabulary));
                case ALL -> SamplingRow.of(TokenFilters.of(0.8f, 40, 0.95f, 0.05f).typical(0.95f)
                        .sigmas(2).excludingTop(1, 0.1f), 1)
                        .penalised(dry(), text, 0).ruled(rules(vocabulary));
            };
        }

        private static Penalties dry() {
            return Penalties.of(1.1f, 0.5f, 0.5f)
                    .with(new DryPenalty(0.8f, 1.75f, 2, -1, SequenceBreakers.NONE));
        }

        /** Every second token is allowed, and some are biased or banned. */
        private static LogitRules rules(int vocabulary) {
            long[] allowed = new long[Math.ceilDiv(vocabulary, Long.SIZE)];
            Arrays.fill(allowed, 0x5555555555555555L);
            int[] biased = new Random(3).ints(HISTORY_TOKENS, 0, vocabulary).toArray();
            return new LogitRules(biased, new float[HISTORY_TOKENS], allowed,
                    new int[][]{{1}, {2, 3}, {4, 5, 6}}, new int[]{7}, 0);
        }
    }

    @Param
    public Settings settings;

    @Param("128256")
    public int vocabulary;

    @Param("vector")
    public String kernels;

    private Sampler sampler;
    private float[] logits;
    private float[] scratch;
    private SamplingRow sampling;
    private int position;

    @Setup
    public void prepare() {
        sampler = new Sampler(KernelNames.of(kernels), vocabulary);
        Random random = new Random(1);
        logits = new float[vocabulary];
        for (int i = 0; i < vocabulary; i++) {
            logits[i] = (float) (random.nextGaussian() * DEVIATION);
        }
        for (int i = 0; i < LIKELY_TOKENS; i++) {
            logits[random.nextInt(vocabulary)] = LIKELY_LOGIT - i / 4f;
        }
        scratch = new float[vocabulary];
        sampling = settings.row(vocabulary);
    }

    @Benchmark
    public int draw() {
        System.arraycopy(logits, 0, scratch, 0, vocabulary);
        if (settings == Settings.COPY) {
            return scratch.length;
        }
        SequenceRow row = new SequenceRow(new int[]{1}, position++ & 0xFFFF, new int[0][],
                SequenceRow.NO_ADAPTER, OutputRequest.SAMPLE_LAST, sampling);
        return sampler.sample(scratch, 0, row, 0);
    }
}
