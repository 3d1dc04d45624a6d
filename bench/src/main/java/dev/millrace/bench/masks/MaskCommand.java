package dev.millrace.bench.masks;

import dev.millrace.bench.BenchException;
import dev.millrace.bench.report.Hardware;
import dev.millrace.bench.report.ResultLog;
import dev.millrace.bench.report.Spread;
import dev.millrace.models.text.Tokenizer;
import dev.millrace.models.tokenizers.TokenizerFiles;
import java.io.IOException;
import java.nio.file.Path;
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
import picocli.CommandLine.Parameters;

/** {@code bench masks}: what a constraint costs per token, and at first. */
@Command(name = "masks", description = "Measure holding a completion to a constraint.")
public final class MaskCommand implements Callable<Integer> {

    @Parameters(index = "0", paramLabel = "TOKENIZER",
            description = "A tokenizer.json, tokenizer.model or GGUF file, or a directory.")
    private Path tokenizer;

    @Option(names = "--millis", paramLabel = "N",
            description = "Length of each of 3 + 5 iterations (default: ${DEFAULT-VALUE}).")
    private int millis = 500;

    @Option(names = "--results", paramLabel = "FILE",
            description = "JSON lines file to append to (default: ${DEFAULT-VALUE}).")
    private Path results = Path.of("bench/results/masks.jsonl");

    @Override
    public Integer call() throws IOException {
        Tokenizer opened = TokenizerFiles.open(tokenizer);
        ResultLog log = new ResultLog(results, Hardware.detect());
        System.out.printf(Locale.ROOT, "microseconds per token, vocabulary %,d; all of the first"
                + " request in milliseconds%n", opened.vocabularySize());
        for (RunResult result : run()) {
            String constraint = result.getParams().getParam("constraint");
            int tokens = opened.encode(MaskCase.valueOf(constraint).text(), false).length;
            boolean known = result.getPrimaryResult().getLabel().equals("known");
            double unit = known ? tokens : 1e3;
            Spread spread = Spread.of(result.getBenchmarkResults().stream()
                    .flatMap(fork -> fork.getIterationResults().stream())
                    .map(IterationResult::getPrimaryResult)
                    .mapToDouble(each -> each.getScore() / unit).toArray());
            System.out.printf(Locale.ROOT, "  %-8s %-6s %s%n",
                    constraint.toLowerCase(Locale.ROOT), known ? "known" : "first", spread);
            Map<String, Object> line = new LinkedHashMap<>();
            line.put("constraint", constraint.toLowerCase(Locale.ROOT));
            line.put("vocabulary", opened.vocabularySize());
            line.put("tokens", tokens);
            line.put(known ? "microsPerToken" : "firstMillis", spread);
            log.append("masks", line);
        }
        return 0;
    }

    private Iterable<RunResult> run() {
        TimeValue iteration = TimeValue.milliseconds(millis);
        try {
            return new Runner(new OptionsBuilder().forks(1)
                    .include(MaskBenchmark.class.getName())
                    .param("tokenizer", tokenizer.toString())
                    .warmupIterations(3).warmupTime(iteration)
                    .measurementIterations(5).measurementTime(iteration)
                    .jvmArgsAppend("-Xmx2g").verbosity(VerboseMode.SILENT).shouldFailOnError(true)
                    .build()).run();
        } catch (RunnerException e) {
            throw new BenchException("masks: " + e.getMessage(), e);
        }
    }
}
