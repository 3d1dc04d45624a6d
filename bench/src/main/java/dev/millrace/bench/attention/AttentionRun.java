package dev.millrace.bench.attention;

import dev.millrace.bench.BenchException;
import dev.millrace.kernels.KvFormat;
import java.time.Duration;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;
import org.openjdk.jmh.runner.options.VerboseMode;

import static dev.millrace.bench.attention.AttentionBenchmark.GROUP_HEADS;
import static dev.millrace.bench.attention.AttentionBenchmark.HEAD_SIZE;
import static dev.millrace.bench.attention.AttentionBenchmark.KV_HEADS;

/**
 * One layer's attention to be measured, in a JVM of its own.
 *
 * @param depth  positions in the cache
 * @param tokens how many of the last attend
 */
record AttentionRun(String kernels, KvFormat format, int depth, int tokens, int threads) {

    private static final int WARM_UPS = 3;
    private static final int ITERATIONS = 5;

    AttentionRun {
        if (depth < 1 || tokens < 1 || tokens > depth || threads < 1) {
            throw new IllegalArgumentException("--depth must be at least --tokens, and --tokens and"
                    + " --threads at least 1, got " + depth + ", " + tokens + " and " + threads);
        }
    }

    /** Keys and values of the sequence, each read once. */
    double cacheBytes() {
        return (double) depth * KV_HEADS * format.pairBytes(HEAD_SIZE);
    }

    /** Multiply-adds, masked ones not counted. */
    double macs() {
        double positions = (double) tokens * depth - (double) tokens * (tokens - 1) / 2;
        return 2 * positions * KV_HEADS * GROUP_HEADS * HEAD_SIZE;
    }

    /**
     * Runs the benchmark.
     *
     * @param iteration how long each of its eight iterations takes, of which three do not count
     * @throws BenchException if it fails, which it does where a result is wrong
     */
    AttentionResult measure(Duration iteration) {
        TimeValue time = TimeValue.milliseconds(iteration.toMillis());
        try {
            return AttentionResult.of(this, new Runner(new OptionsBuilder().forks(1)
                    .include(AttentionBenchmark.class.getName() + ".attend")
                    .param("kernels", kernels).param("format", format.name())
                    .param("depth", Integer.toString(depth))
                    .param("tokens", Integer.toString(tokens))
                    .param("threads", Integer.toString(threads))
                    .warmupIterations(WARM_UPS).warmupTime(time)
                    .measurementIterations(ITERATIONS).measurementTime(time)
                    .verbosity(VerboseMode.SILENT).shouldFailOnError(true).build()).run()
                    .iterator().next());
        } catch (RunnerException e) {
            throw new BenchException(this + ": " + e.getMessage(), e);
        }
    }
}
