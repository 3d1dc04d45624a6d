package dev.millrace.bench.ready;

import dev.millrace.bench.peer.CommandTemplate;
import dev.millrace.bench.report.Hardware;
import dev.millrace.bench.report.ResultLog;
import dev.millrace.bench.report.Spread;
import dev.millrace.kernels.WorkerPool;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.ServerSocket;
import java.net.http.HttpClient;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.function.ToDoubleFunction;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code bench ready}: from the start of a server's process to ready and to its first token. */
@Command(name = "ready", description = "Measure the time from the start of a server's process to"
        + " its first yes on /health and to its first token, in turns with another server; the"
        + " model's file is read through before each start, so that it is in the page cache.",
        footer = {"", "In commands {model}, {threads}, {context} and {port} stand for the values."})
public final class ReadyCommand implements Callable<Integer> {

    @Parameters(paramLabel = "MODEL", description = "A GGUF file.")
    private Path model;

    @Option(names = "--peer", paramLabel = "CMD", description = "Another server, such as"
            + " \"llama-server -m {model} -t {threads} -c {context} --port {port}\".")
    private String peer;

    @Option(names = "--ours", paramLabel = "CMD",
            description = "This server (default: ./millrace serve).")
    private String ours = System.getProperty("millrace.root", ".") + "/millrace serve {model}"
            + " --threads {threads} --sequences 1 --context {context} --port {port}";

    @Option(names = "--pairs", paramLabel = "N",
            description = "Starts of each that count (default: ${DEFAULT-VALUE}).")
    private int pairs = 5;

    @Option(names = "--threads", paramLabel = "N", description = "Default: one per processor.")
    private int threads = WorkerPool.defaultWorkers();

    @Option(names = "--context", paramLabel = "N", description = "Default: ${DEFAULT-VALUE}.")
    private int contextTokens = 8192;

    @Option(names = "--stay", paramLabel = "SECONDS", description = "How long the first start of"
            + " ours, which does not count, stays to write down what later ones use (default:"
            + " ${DEFAULT-VALUE}).")
    private int staySeconds = 15;

    @Option(names = "--timeout", paramLabel = "SECONDS",
            description = "Longest that a start may take (default: ${DEFAULT-VALUE}).")
    private int timeoutSeconds = 120;

    @Option(names = "--results", paramLabel = "FILE",
            description = "JSON lines file to append to (default: ${DEFAULT-VALUE}).")
    private Path results = Path.of("bench/results/ready.jsonl");

    private final HttpClient client = HttpClient.newHttpClient();

    /** @param line null of a server that does not say where its time went */
    private record Start(double readySeconds, double firstTokenSeconds, ReadyLine line) {

        @Override
        public String toString() {
            return String.format(Locale.ROOT, "ready after %.2f s%s, first token after %.2f s",
                    readySeconds, line == null
                            ? ""
                            : String.format(Locale.ROOT, " (weights %.1f, warm-up %.1f)",
                                    line.loadSeconds(), line.warmUpSeconds()),
                    firstTokenSeconds);
        }
    }

    @Override
    public Integer call() throws IOException, InterruptedException {
        requireSense();
        Start first = start(ours, staySeconds);
        System.out.println("the first start, which leaves packed weights and an archive of"
                + " classes if there were none: " + first);
        List<Start> our = new ArrayList<>();
        List<Start> their = new ArrayList<>();
        for (int pair = 0; pair < pairs; pair++) {
            our.add(start(ours, 0));
            System.out.println("ours " + our.getLast());
            if (peer != null) {
                their.add(start(peer, 0));
                System.out.println("peer " + their.getLast());
            }
        }
        Map<String, Object> line = new LinkedHashMap<>();
        line.put("model", model.getFileName().toString());
        line.put("threads", threads);
        line.put("context", contextTokens);
        line.put("first_start", first);
        line.put("ours", our);
        line.put("ours_ready_seconds", spread(our, Start::readySeconds));
        System.out.println("ours: ready after " + spread(our, Start::readySeconds) + " s");
        if (peer != null) {
            line.put("peer_command", peer);
            line.put("peer", their);
            line.put("peer_ready_seconds", spread(their, Start::readySeconds));
            System.out.println("peer: ready after " + spread(their, Start::readySeconds) + " s");
        }
        new ResultLog(results, Hardware.detect()).append("ready", line);
        return 0;
    }

    private void requireSense() {
        if (!Files.isRegularFile(model)) {
            throw new IllegalArgumentException("there is no file " + model);
        }
        if (pairs < 1 || threads < 1 || contextTokens < 1 || staySeconds < 0
                || timeoutSeconds < 1) {
            throw new IllegalArgumentException("--pairs, --threads, --context and --timeout must"
                    + " be at least 1, and --stay at least 0");
        }
    }

    private static Spread spread(List<Start> starts, ToDoubleFunction<Start> what) {
        return Spread.of(starts.stream().mapToDouble(what).toArray());
    }

    private Start start(String template, int stay) throws IOException, InterruptedException {
        try (InputStream file = Files.newInputStream(model)) {
            file.transferTo(OutputStream.nullOutputStream());
        }
        int port = freePort();
        String command = new CommandTemplate(template).filled(Map.of("model",
                model.toAbsolutePath(), "threads", threads, "context", contextTokens, "port",
                port));
        try (ServerStart server = new ServerStart(command, port,
                Duration.ofSeconds(timeoutSeconds), client)) {
            double readySeconds = server.awaitReady();
            double firstTokenSeconds = server.firstToken();
            Thread.sleep(Duration.ofSeconds(stay));
            return new Start(readySeconds, firstTokenSeconds, server.readyLine().orElse(null));
        }
    }

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0)) {
            return socket.getLocalPort();
        }
    }
}
