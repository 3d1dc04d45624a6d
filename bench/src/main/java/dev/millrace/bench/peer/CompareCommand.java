package dev.millrace.bench.peer;

import dev.millrace.bench.BenchException;
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
import java.util.ArrayList;
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
        PeerProcess process = new PeerProcess(peer, file, options.threads,
                Duration.ofSeconds(peerTimeoutSeconds));
        try (Model model = Model.open(file)) {
            System.out.printf(Locale.ROOT, "%s, %s kernels, %d thread(s); in turns with: %s%n",
                    model.spec().name(), options.kernels, options.threads, process.command());
            ModelOptions.warnIfBusy();
            // Only the peer knows what it measures, so its first turn comes before anything else.
            List<PeerResult> first = process.run();
            checkThreads(first);
            try (WorkerPool pool = WorkerPool.create(options.threads);
                    OpenModel open = open(model, pool, first)) {
                report(model, measure(open, process, first));
            }
        }
        return 0;
    }

    private OpenModel open(Model model, WorkerPool pool, List<PeerResult> results) {
        List<ModelTest> tests = results.stream().map(PeerResult::test).toList();
        for (ModelTest test : tests) {
            if (test.contextTokens() > model.spec().contextTokens()) {
                throw new IllegalArgumentException("the peer measured " + test.label()
                        + ", but the model's context is " + model.spec().contextTokens()
                        + " tokens");
            }
        }
        OpenModel open = OpenModel.of(model, options.openKernels(), pool, new MemoryProbe(pool),
                tests, options.stepTokens, ModelOptions.memoryBytes(), options.cacheFormat());
        tests.forEach(open::round); // whole once, so that everything is compiled
        return open;
    }

    private void checkThreads(List<PeerResult> results) {
        for (PeerResult result : results) {
            int threads = result.threads();
            if (threads != PeerResult.UNKNOWN_THREADS && threads != options.threads) {
                System.out.printf(Locale.ROOT, "  note: the peer used %d thread(s) in %s; {threads}"
                        + " in its command stands for %d%n", threads, result.test().label(),
                        options.threads);
            }
        }
    }

    private List<PairedTest> measure(OpenModel open, PeerProcess process, List<PeerResult> first)
            throws IOException, InterruptedException {
        List<PairedTest> tests = new ArrayList<>();
        first.forEach(result -> tests.add(new PairedTest(result.test())));
        System.out.printf(Locale.ROOT, "  %7s %-20s %10s %10s %7s%n", "", "test", "Millrace",
                "peer", "ratio");
        for (int pair = 0; pair < pairs; pair++) {
            List<PeerResult> peers = pair == 0 ? first : process.run();
            for (PairedTest test : tests) {
                double reached = peers.stream()
                        .filter(result -> result.test().equals(test.test())).findFirst()
                        .orElseThrow(() -> new BenchException("the peer measured "
                                + test.test().label() + " at first and left it out later"))
                        .tokensPerSecond();
                open.warmUp(test.test());
                double bandwidth = open.bandwidth();
                test.add(open.round(test.test()), reached, bandwidth);
                System.out.println(test.lastPair());
            }
        }
        return tests;
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
            result.put("peer", name());
            result.putAll(test.asMap());
            report.add(log.append("compare", result));
        }
        if (options.html != null) {
            report.write(options.html);
        }
    }

    /** Without folders, which are nobody's business in a file of results. */
    private String name() {
        if (peerName != null) {
            return peerName;
        }
        String word = peer.strip().split("\\s+", 2)[0];
        return word.substring(word.lastIndexOf('/') + 1);
    }
}
