package dev.millrace.bench.matmul;

import dev.millrace.bench.BenchException;
import dev.millrace.bench.MatrixShape;
import dev.millrace.bench.baseline.FloatProductBenchmark;
import dev.millrace.kernels.QuantFormat;
import java.time.Duration;
import java.util.Collection;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.ChainedOptionsBuilder;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;
import org.openjdk.jmh.runner.options.VerboseMode;

/**
 * One product to be measured, in a JVM of its own.
 *
 * @param kernels of Millrace, or the name of a baseline, which multiplies float32
 */
record MatmulRun(String kernels, boolean baseline, QuantFormat format, MatrixShape shape, int rows,
        int threads) {

    private static final int WARM_UPS = 3;
    private static final int ITERATIONS = 5;

    /** Roughly what a run takes: the JVM, the weights, the check, and the iterations. */
    static final int SECONDS = 10;

    /** What a run of the same work has in common whatever the kernels are. */
    String work() {
        return format + " " + shape + " x " + rows + (threads == 1
                ? ""
                : ", " + threads
                        + " threads");
    }

    /**
     * Runs the benchmark.
     *
     * @param iteration how long each of its eight iterations takes, of which three do not count
     * @throws BenchException if it fails, which it does where a result is wrong
     */
    MatmulResult measure(Duration iteration) {
        TimeValue time = TimeValue.milliseconds(iteration.toMillis());
        ChainedOptionsBuilder options = new OptionsBuilder().forks(1)
                .warmupIterations(WARM_UPS).warmupTime(time)
                .measurementIterations(ITERATIONS).measurementTime(time)
                .verbosity(VerboseMode.SILENT).shouldFailOnError(true)
                .param("shape", shape.toString()).param("rows", Integer.toString(rows))
                .param("threads", Integer.toString(threads));
        if (baseline) {
            options.include(FloatProductBenchmark.class.getName() + ".multiply")
                    .param("library", kernels);
        } else {
            options.include(MatmulBenchmark.class.getName() + ".multiply")
                    .param("kernels", kernels).param("format", format.name());
        }
        try {
            Collection<RunResult> results = new Runner(options.build()).run();
            return MatmulResult.of(this, results.iterator().next());
        } catch (RunnerException e) {
            throw new BenchException(kernels + ", " + work() + ": " + reason(e), e);
        }
    }

    /** JMH wraps what happened, and suppresses it, several times over. */
    private static String reason(Throwable failure) {
        Throwable reason = failure;
        while (reason.getCause() != null || reason.getSuppressed().length > 0) {
            reason = reason.getCause() != null ? reason.getCause() : reason.getSuppressed()[0];
        }
        return reason.toString();
    }
}
