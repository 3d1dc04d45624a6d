package dev.millrace.bench.serve;

import dev.millrace.bench.model.ModelOptions;
import dev.millrace.bench.report.Hardware;
import dev.millrace.bench.report.HtmlReport;
import dev.millrace.bench.report.ResultLog;
import dev.millrace.bench.report.Spread;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.function.ToDoubleFunction;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code bench serve}: load on a running server, and on a peer in turns with it. */
@Command(name = "serve", description = "Put load on a running server: time to first token,"
        + " between tokens and to the end, throughput, goodput and cost; in turns with a peer"
        + " where there is one.")
public final class ServeCommand implements Callable<Integer> {

    @Mixin
    private TargetOptions target = new TargetOptions();

    @Option(names = "--peer-url", paramLabel = "URL",
            description = "Another server of OpenAI's API to measure in turns, on the same"
                    + " requests.")
    private String peerUrl;

    @Option(names = "--peer-name", paramLabel = "NAME",
            description = "What to call it (default: ${DEFAULT-VALUE}).")
    private String peerName = "peer";

    @Option(names = "--trace", paramLabel = "KIND",
            description = "closed: clients that wait for their answers; chat: the same in"
                    + " conversations, each turn of which goes on from the last; poisson:"
                    + " independent arrivals; or a CSV file of arrivals as Azure publishes them"
                    + " (default: ${DEFAULT-VALUE}).")
    private String trace = "closed";

    @Option(names = "--clients", paramLabel = "N", split = ",",
            description = "With closed and chat: how many at once, one run for each number"
                    + " (default: ${DEFAULT-VALUE}).")
    private List<Integer> clients = List.of(1, 4, 8, 16);

    @Option(names = "--rate", paramLabel = "R",
            description = "With poisson: requests per second (default: ${DEFAULT-VALUE}).")
    private double rate = 1;

    @Option(names = "--speed", paramLabel = "X",
            description = "With a file: how much faster than it was (default: ${DEFAULT-VALUE}).")
    private double speed = 1;

    @Option(names = "--requests", paramLabel = "N",
            description = "Requests of a run; with closed of each client, with chat of each"
                    + " conversation (default: ${DEFAULT-VALUE}).")
    private int requests = 4;

    @Option(names = "--prompt-tokens", paramLabel = "N",
            description = "Tokens of a prompt, with chat of a question (default:"
                    + " ${DEFAULT-VALUE}).")
    private int promptTokens = 128;

    @Option(names = "--output-tokens", paramLabel = "N",
            description = "Tokens of an answer (default: ${DEFAULT-VALUE}).")
    private int outputTokens = 64;

    @Option(names = "--most-tokens", paramLabel = "N",
            description = "With a file: what prompt and answer together are cut to (default:"
                    + " ${DEFAULT-VALUE}).")
    private int mostTokens = 2048;

    @Option(names = "--shared-prefix", paramLabel = "N",
            description = "Tokens that all prompts begin with alike (default: ${DEFAULT-VALUE}).")
    private int sharedPrefix;

    @Option(names = "--salted",
            description = "Give every request a cache_salt of its own, so that a server's prefix"
                    + " cache finds nothing: beside a run without, what that cache is worth.")
    private boolean salted;

    @Option(names = "--rounds", paramLabel = "N",
            description = "How often each run is repeated, with other prompts (default:"
                    + " ${DEFAULT-VALUE}).")
    private int rounds = 1;

    @Option(names = "--slo-first", paramLabel = "MS",
            description = "Objective for the first token (default: ${DEFAULT-VALUE}).")
    private double mostFirstMillis = 1000;

    @Option(names = "--slo-token", paramLabel = "MS",
            description = "Objective for each token after it (default: ${DEFAULT-VALUE}).")
    private double mostTokenMillis = 100;

    @Option(names = "--seed", paramLabel = "N",
            description = "Of prompts and arrivals (default: ${DEFAULT-VALUE}).")
    private long seed = 1;

    @Option(names = "--html", paramLabel = "FILE",
            description = "Also write this run's results as a page.")
    private Path html;

    private final HtmlReport report = new HtmlReport();

    @Override
    public Integer call() throws IOException, InterruptedException {
        ModelOptions.requirePositive("--requests", requests);
        ModelOptions.requirePositive("--rounds", rounds);
        target.check();
        clients.forEach(count -> ModelOptions.requirePositive("--clients", count));
        List<Workload> workloads = workloads();
        ResultLog log = new ResultLog(target.results, Hardware.detect());
        ModelOptions.warnIfBusy();
        System.out.println(ServingLine.HEADER);
        boolean failed = false;
        try (StreamingClient ours = new StreamingClient(target.url, target.model,
                target.timeout());
                StreamingClient peer = peerUrl == null
                        ? null
                        : new StreamingClient(peerUrl, target.model, target.timeout())) {
            for (Workload workload : workloads) {
                failed |= measure(workload, ours, peer, log);
            }
        }
        if (html != null) {
            report.write(html);
        }
        return failed ? 1 : 0;
    }

    private List<Workload> workloads() throws IOException {
        return switch (trace) {
            case "closed" -> clients.stream().map(
                    count -> Workload.closed(count, requests, promptTokens, outputTokens))
                    .toList();
            case "chat" -> clients.stream().map(count -> Workload.chats(count, requests,
                    sharedPrefix, promptTokens, outputTokens)).toList();
            case "poisson" -> List.of(Workload.poisson(rate, requests, promptTokens, outputTokens,
                    seed));
            default -> {
                Path file = Path.of(trace);
                if (!file.toFile().isFile()) {
                    throw new IllegalArgumentException("--trace must be closed, chat, poisson or a"
                            + " file, and there is no file " + trace);
                }
                yield List.of(Workload.trace(file, speed, requests, mostTokens));
            }
        };
    }

    /** Whether any request failed. */
    private boolean measure(Workload workload, StreamingClient ours, StreamingClient peer,
            ResultLog log) throws IOException, InterruptedException {
        List<LoadResult> own = new ArrayList<>();
        List<LoadResult> theirs = new ArrayList<>();
        for (int round = 0; round < rounds; round++) {
            RandomPrompts prompts = new RandomPrompts(target.vocabulary, sharedPrefix,
                    seed + 1000L * round);
            own.add(run(workload, prompts, ours, "millrace"));
            if (peer != null) {
                theirs.add(run(workload, prompts, peer, peerName));
            }
        }
        for (int round = 0; round < rounds; round++) {
            append(workload, "millrace", own.get(round), log);
            if (peer != null) {
                append(workload, peerName, theirs.get(round), log);
            }
        }
        if (peer != null) {
            Spread throughput = ratio(own, theirs, LoadResult::tokensPerSecond);
            Spread first = ratio(own, theirs, result -> result.first().p95());
            System.out.printf(Locale.ROOT, "  %-22s tokens/s %.2f times the peer's [%.2f .. %.2f],"
                    + " p95 to the first token %.2f times [%.2f .. %.2f]%n", workload.label(),
                    throughput.median(), throughput.least(), throughput.most(), first.median(),
                    first.least(), first.most());
        }
        return own.stream().anyMatch(result -> !result.failures().isEmpty());
    }

    private LoadResult run(Workload workload, RandomPrompts prompts, StreamingClient client,
            String server) throws InterruptedException {
        Progress progress = new Progress(workload.requests().size());
        LoadResult result = LoadResult.of(
                new LoadRun(client, prompts, workload, salted, progress::show).run(),
                mostFirstMillis, mostTokenMillis);
        progress.clear();
        System.out.println(ServingLine.of(workload.label(), server, result));
        result.failures().forEach((reason, count) -> System.out.printf(Locale.ROOT,
                "    %d failed: %s%n", count, reason));
        return result;
    }

    private void append(Workload workload, String server, LoadResult result, ResultLog log)
            throws IOException {
        Map<String, Object> line = new LinkedHashMap<>();
        line.put("model", target.model);
        line.put("server", server);
        line.put("workload", workload.label());
        line.put("prompt_tokens", promptTokens);
        line.put("output_tokens", outputTokens);
        line.put("shared_prefix", sharedPrefix);
        line.put("salted", salted);
        line.put("slo_ms", List.of(mostFirstMillis, mostTokenMillis));
        line.putAll(result.asMap());
        report.add(log.append("serve", line));
    }

    private static Spread ratio(List<LoadResult> own, List<LoadResult> theirs,
            ToDoubleFunction<LoadResult> figure) {
        double[] ratios = new double[own.size()];
        for (int i = 0; i < ratios.length; i++) {
            ratios[i] = figure.applyAsDouble(own.get(i)) / figure.applyAsDouble(theirs.get(i));
        }
        return Spread.of(ratios);
    }
}
