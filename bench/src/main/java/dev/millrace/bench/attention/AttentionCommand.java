package dev.millrace.bench.attention;

import dev.millrace.bench.KernelNames;
import dev.millrace.bench.report.Hardware;
import dev.millrace.bench.report.ResultLog;
import dev.millrace.kernels.KvFormat;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code bench attention}: attention over a cache of every format, beside the machine's limits. */
@Command(name = "attention",
        description = "Measure one layer's attention, with the heads of Llama 3.2 1B, as shares of"
                + " the memory's speed and of the processor's multiply-adds.")
public final class AttentionCommand implements Callable<Integer> {

    private static final Duration ITERATION = Duration.ofMillis(500);

    @Option(names = "--kv", split = ",", paramLabel = "FORMAT",
            description = "Formats of the cache (default: all).")
    private List<KvFormat> formats = List.of(KvFormat.values());

    @Option(names = "--depth", split = ",", paramLabel = "N",
            description = "Positions in the cache (default: 2048,8192).")
    private List<Integer> depths = List.of(2048, 8192);

    @Option(names = "--tokens", split = ",", paramLabel = "N",
            description = "How many of the last positions attend (default: 1,128).")
    private List<Integer> tokens = List.of(1, 128);

    @Option(names = "--threads", split = ",", paramLabel = "N",
            description = "Threads of one layer (default: 1).")
    private List<Integer> threads = List.of(1);

    @Option(names = "--kernels", split = ",", paramLabel = "NAME",
            description = "Of scalar, vector and native (default: vector).")
    private List<String> kernels = List.of("vector");

    @Option(names = "--results", paramLabel = "FILE",
            description = "JSON lines file to append to (default: ${DEFAULT-VALUE}).")
    private Path results = Path.of("bench/results/attention.jsonl");

    @Override
    public Integer call() throws IOException {
        kernels.forEach(KernelNames::of);
        List<AttentionRun> runs = runs();
        ResultLog log = new ResultLog(results, Hardware.detect());
        System.out.println(AttentionResult.HEADER);
        for (AttentionRun run : runs) {
            AttentionResult result = run.measure(ITERATION);
            System.out.println(result.line());
            log.append("attention", result.asMap());
        }
        return 0;
    }

    /** All of them are known to be sound before the first. */
    private List<AttentionRun> runs() {
        List<AttentionRun> runs = new ArrayList<>();
        for (int threadCount : threads) {
            for (int tokenCount : tokens) {
                for (int depth : depths) {
                    for (String name : kernels) {
                        formats.forEach(format -> runs.add(new AttentionRun(name, format, depth,
                                tokenCount, threadCount)));
                    }
                }
            }
        }
        return runs;
    }
}
