package dev.millrace.bench.sampling;

import dev.millrace.bench.KernelNames;
import dev.millrace.engine.forward.OutputRequest;
import dev.millrace.engine.forward.Sampler;
import dev.millrace.engine.forward.SamplingRow;
import dev.millrace.engine.forward.SequenceRow;
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
        PENALTIES;

        SamplingRow row(int vocabulary) {
            return switch (this) {
                case COPY, GREEDY -> SamplingRow.GREEDY;
                case TEMPERATURE -> SamplingRow.of(1, 0, 1, 0, 1);
                case TOP_K -> SamplingRow.of(0.8f, 40, 1, 0, 1);
                case TOP_P -> SamplingRow.of(0.8f, 0, 0.95f, 0, 1);
                case TOP_P_HOT -> SamplingRow.of(2, 0, 0.95f, 0, 1);
                case MIN_P -> SamplingRow.of(1, 0, 1, 0.05f, 1);
                case PENALTIES -> new SamplingRow(0.8f, 0, 0.95f, 0, 1, 1.1f, 0.5f, 0.5f,
                        new Random(2).ints(HISTORY_TOKENS, 0, vocabulary).toArray(), 0,
                        new int[0], new float[0], new long[0][]);
            };
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
