package dev.millrace.bench.sampling;

import dev.millrace.bench.BenchException;
import dev.millrace.bench.KernelNames;
import dev.millrace.bench.report.Hardware;
import dev.millrace.bench.report.ResultLog;
import dev.millrace.bench.report.Spread;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import org.openjdk.jmh.results.IterationResult;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;
import org.openjdk.jmh.runner.options.VerboseMode;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code bench sampling}: what drawing a token costs, setting by setting. */
@Command(name = "sampling",
        description = "Measure drawing one token from one position's logits.")
public final class SamplingCommand implements Callable<Integer> {

    private static final TimeValue ITERATION = TimeValue.milliseconds(500);

    @Option(names = "--vocabulary", paramLabel = "N",
            description = "Tokens to draw from (default: ${DEFAULT-VALUE}, as Llama 3 has).")
    private int vocabulary = 128_256;

    @Option(names = "--kernels", paramLabel = "NAME",
            description = "scalar, vector or native (default: ${DEFAULT-VALUE}).")
    private String kernels = "vector";

    @Option(names = "--settings", split = ",", paramLabel = "NAME",
            description = "Which of ${COMPLETION-CANDIDATES} (default: all).")
    private SamplingBenchmark.Settings[] settings = SamplingBenchmark.Settings.values();

    @Option(names = "--results", paramLabel = "FILE",
            description = "JSON lines file to append to (default: ${DEFAULT-VALUE}).")
    private Path results = Path.of("bench/results/sampling.jsonl");

    @Override
    public Integer call() throws IOException {
        KernelNames.of(kernels);
        if (vocabulary < 1) {
            throw new IllegalArgumentException("--vocabulary must be at least 1, got "
                    + vocabulary);
        }
        ResultLog log = new ResultLog(results, Hardware.detect());
        System.out.printf(Locale.ROOT, "microseconds per token, vocabulary %,d%n", vocabulary);
        for (RunResult result : run()) {
            String name = result.getParams().getParam("settings").toLowerCase(Locale.ROOT);
            Spread micros = Spread.of(result.getBenchmarkResults().stream()
                    .flatMap(fork -> fork.getIterationResults().stream())
                    .map(IterationResult::getPrimaryResult)
                    .mapToDouble(each -> each.getScore()).toArray());
            System.out.printf(Locale.ROOT, "  %-13s %s%n", name, micros);
            Map<String, Object> line = new LinkedHashMap<>();
            line.put("kernels", kernels);
            line.put("settings", name);
            line.put("vocabulary", vocabulary);
            line.put("micros", micros);
            log.append("sampling", line);
        }
        return 0;
    }

    private Iterable<RunResult> run() {
        try {
            return new Runner(new OptionsBuilder().forks(1)
                    .include(SamplingBenchmark.class.getName() + ".draw")
                    .param("vocabulary", Integer.toString(vocabulary)).param("kernels", kernels)
                    .param("settings", Arrays.stream(settings).map(Enum::name)
                            .toArray(String[]::new))
                    .warmupIterations(3).warmupTime(ITERATION)
                    .measurementIterations(5).measurementTime(ITERATION)
                    .verbosity(VerboseMode.SILENT).shouldFailOnError(true).build()).run();
        } catch (RunnerException e) {
            throw new BenchException("sampling: " + e.getMessage(), e);
        }
    }
}
