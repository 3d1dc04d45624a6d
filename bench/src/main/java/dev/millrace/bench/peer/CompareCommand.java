package dev.millrace.bench.peer;

import dev.millrace.bench.MemoryProbe;
import dev.millrace.bench.model.ModelOptions;
import dev.millrace.bench.model.ModelTest;
import dev.millrace.bench.model.OpenModel;
import dev.millrace.bench.report.Hardware;
import dev.millrace.bench.report.HtmlReport;
import dev.millrace.bench.report.ResultLog;
import dev.millrace.kernels.WorkerPool;
import dev.millrace.models.Model;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/**
 * {@code bench compare}: measures in turns with another engine's benchmark. A shared machine
 * changes by the minute, so only pairs mean something.
 */
@Command(name = "compare",
        description = "Measure in turns with a peer's benchmark, and print the ratio pair by pair.")
public final class CompareCommand implements Callable<Integer> {

    @Mixin
    private ModelOptions options = new ModelOptions();

    @Option(names = "--peer", required = true, paramLabel = "CMD",
            description = "What the shell runs, such as \"llama-bench -m {model} -t {threads} -p"
                    + " 512 -n 64 -r 1\"; whatever llama-bench or llama-batched-bench measure in"
                    + " it is measured here too.")
    private String peer;

    @Option(names = "--peer-name", paramLabel = "NAME",
            description = "What to call the peer (default: the command's first word).")
    private String peerName;

    @Option(names = "--pairs", paramLabel = "N",
            description = "How often each side is measured (default: ${DEFAULT-VALUE}).")
    private int pairs = 5;

    @Option(names = "--peer-timeout", paramLabel = "SECONDS",
            description = "Longest that one run of the peer may take (default: ${DEFAULT-VALUE}).")
    private int peerTimeoutSeconds = 600;

    @Override
    public Integer call() throws IOException, InterruptedException {
        options.validate();
        ModelOptions.requirePositive("--pairs", pairs);
        ModelOptions.requirePositive("--peer-timeout", peerTimeoutSeconds);
        Path file = options.resolve();
        PeerTurns turns = new PeerTurns(peer, Map.of("model", file, "threads", options.threads),
                Duration.ofSeconds(peerTimeoutSeconds));
        try (Model model = Model.open(file)) {
            System.out.printf(Locale.ROOT, "%s, %s kernels, %d thread(s); in turns with: %s%n",
                    model.spec().name(), options.kernels, options.threads, turns.command());
            ModelOptions.warnIfBusy();
            List<ModelTest> tests = turns.begin(model.spec().contextTokens());
            turns.checkThreads(options.threads);
            try (WorkerPool pool = WorkerPool.create(options.threads);
                    OpenModel open = open(model, pool, tests)) {
                report(model, turns.measure(open, pairs));
            }
        }
        return 0;
    }

    private OpenModel open(Model model, WorkerPool pool, List<ModelTest> tests) {
        OpenModel open = OpenModel.of(model, options.openKernels(), pool, new MemoryProbe(pool),
                tests, options.stepTokens, ModelOptions.memoryBytes(), options.cacheFormat());
        tests.forEach(open::round); // whole once, so that everything is compiled
        return open;
    }

    private void report(Model model, List<PairedTest> tests) throws IOException {
        System.out.println("medians, tokens/s");
        System.out.println(PairedTest.HEADER);
        HtmlReport report = new HtmlReport();
        ResultLog log = new ResultLog(options.results, Hardware.detect());
        for (PairedTest test : tests) {
            System.out.println(test.line());
            Map<String, Object> result = new LinkedHashMap<>();
            result.put("model", model.spec().name());
            result.put("kernels", options.kernels);
            result.put("threads", options.threads);
            result.put("peer", PeerTurns.name(peer, peerName));
            result.putAll(test.asMap());
            report.add(log.append("compare", result));
        }
        if (options.html != null) {
            report.write(options.html);
        }
    }
}
