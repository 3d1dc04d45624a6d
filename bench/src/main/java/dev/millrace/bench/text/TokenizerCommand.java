package dev.millrace.bench.text;

import dev.millrace.bench.BenchException;
import dev.millrace.bench.report.Hardware;
import dev.millrace.bench.report.ResultLog;
import dev.millrace.bench.report.Spread;
import dev.millrace.models.tokenizers.TokenizerFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
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

/** {@code bench tokenizer}: how fast a text becomes tokens. */
@Command(name = "tokenizer", description = "Measure encoding a text on one thread, and with"
        + " --peer beside Hugging Face's library in the same run.")
public final class TokenizerCommand implements Callable<Integer> {

    private static final double MILLIS_PER_SECOND = 1e3;
    private static final double BYTES_PER_MEGABYTE = 1e6;

    @Parameters(index = "0", paramLabel = "TOKENIZER",
            description = "A tokenizer.json, tokenizer.model or GGUF file, or a directory.")
    private Path tokenizer;

    @Parameters(index = "1", paramLabel = "FILE", description = "The text, in UTF-8.")
    private Path text;

    @Option(names = "--peer", description = "Also with Hugging Face's library.")
    private boolean peer;

    @Option(names = "--seconds", paramLabel = "N",
            description = "Seconds to warm up, and as many to measure (default: ${DEFAULT-VALUE}).")
    private int seconds = 5;

    @Option(names = "--results", paramLabel = "FILE",
            description = "JSON lines file to append to (default: ${DEFAULT-VALUE}).")
    private Path results = Path.of("bench/results/tokenizers.jsonl");

    @Override
    public Integer call() throws IOException {
        if (seconds < 1) {
            throw new IllegalArgumentException("--seconds must be at least 1, got " + seconds);
        }
        double megabytes = Files.size(text) / BYTES_PER_MEGABYTE;
        int tokens = TokenizerFiles.open(tokenizer).encode(Files.readString(text), false).length;
        System.out.printf(Locale.ROOT, "%.3f MB, %,d tokens; MB/s on one thread%n", megabytes,
                tokens);
        ResultLog log = new ResultLog(results, Hardware.detect());
        for (RunResult result : run()) {
            String library = result.getParams().getParam("library");
            Spread rate = Spread.of(result.getBenchmarkResults().stream()
                    .flatMap(fork -> fork.getIterationResults().stream())
                    .map(IterationResult::getPrimaryResult)
                    .mapToDouble(millis -> megabytes * MILLIS_PER_SECOND / millis.getScore())
                    .toArray());
            System.out.printf(Locale.ROOT, "  %-12s %s%n", library, rate);
            Map<String, Object> line = new LinkedHashMap<>();
            line.put("library", library);
            line.put("tokenizer", tokenizer.getFileName().toString());
            line.put("text", text.getFileName().toString());
            line.put("tokens", tokens);
            line.put("megabytesPerSecond", rate);
            log.append("tokenizer", line);
        }
        return 0;
    }

    private Iterable<RunResult> run() {
        List<String> libraries = peer ? List.of("millrace", "huggingface") : List.of("millrace");
        try {
            return new Runner(new OptionsBuilder().forks(1)
                    .include(TokenizerBenchmark.class.getName() + ".encode")
                    .param("tokenizer", tokenizer.toString()).param("text", text.toString())
                    .param("library", libraries.toArray(String[]::new))
                    .warmupIterations(seconds).warmupTime(TimeValue.seconds(1))
                    .measurementIterations(seconds).measurementTime(TimeValue.seconds(1))
                    .jvmArgsAppend("-Xmx3g").verbosity(VerboseMode.SILENT).shouldFailOnError(true)
                    .build()).run();
        } catch (RunnerException e) {
            throw new BenchException("tokenizer: " + e.getMessage(), e);
        }
    }
}
