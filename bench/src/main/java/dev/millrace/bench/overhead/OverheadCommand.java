package dev.millrace.bench.overhead;

import dev.millrace.bench.BenchException;
import dev.millrace.bench.report.Hardware;
import dev.millrace.bench.report.ResultLog;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code bench overhead}: what everything around the model takes. */
@Command(name = "overhead", description = "What the server itself takes, over a model that takes"
        + " nothing: time to the first token of one client, and tokens per second of many streams;"
        + " server and clients share this machine.")
public final class OverheadCommand implements Callable<Integer> {

    private static final int ANSWER_TOKENS = 16;
    private static final double MILLIS = 1e-6;

    @Option(names = "--streams", paramLabel = "N",
            description = "Streams at once (default: ${DEFAULT-VALUE}).")
    private int streams = 500;

    @Option(names = "--tokens", paramLabel = "N",
            description = "Tokens of each answer (default: ${DEFAULT-VALUE}).")
    private int tokens = 256;

    @Option(names = "--rounds", paramLabel = "N",
            description = "How often, after one to warm up (default: ${DEFAULT-VALUE}).")
    private int rounds = 5;

    @Option(names = "--requests", paramLabel = "N", description = "Answers of the one client in"
            + " each round (default: ${DEFAULT-VALUE}).")
    private int requests = 1000;

    @Option(names = "--results", paramLabel = "FILE",
            description = "JSON lines file to append to (default: ${DEFAULT-VALUE}).")
    private Path results = Path.of("bench/results/overhead.jsonl");

    @Override
    public Integer call() throws IOException, InterruptedException {
        Path folder = Files.createTempDirectory("millrace-overhead");
        try (StubServer server = new StubServer(folder.resolve("ledger.db"), streams)) {
            ResultLog log = new ResultLog(results, Hardware.detect());
            first(server);
            crowd(server);
            for (int round = 0; round < rounds; round++) {
                Map<String, Object> result = new LinkedHashMap<>();
                result.putAll(first(server));
                result.putAll(crowd(server));
                log.append("overhead", result);
                System.out.println(String.format(Locale.ROOT,
                        "first token of one client: p50 %.3f ms, p99 %.3f ms; of which the engine"
                                + " %.3f ms; %d streams: %.0f tokens/s, the meter takes %.0f ns"
                                + " of the engine's thread per token",
                        result.get("first_p50_ms"), result.get("first_p99_ms"),
                        result.get("engine_first_mean_ms"), streams,
                        result.get("tokens_per_second"), result.get("meter_ns_per_token")));
            }
        } finally {
            try (Stream<Path> files = Files.list(folder)) {
                for (Path file : files.toList()) {
                    Files.delete(file);
                }
            }
            Files.delete(folder);
        }
        return 0;
    }

    /** One client that asks again and again. */
    private Map<String, Object> first(StubServer server) throws IOException {
        StubServer.FirstTokens before = server.firstTokens();
        long[] nanos = new long[requests];
        try (RawStream stream = new RawStream(server.port(), ANSWER_TOKENS)) {
            for (int i = 0; i < nanos.length; i++) {
                nanos[i] = stream.run();
            }
        }
        Arrays.sort(nanos);
        return Map.of("first_p50_ms", nanos[nanos.length / 2] * MILLIS, "first_p99_ms",
                nanos[nanos.length * 99 / 100] * MILLIS, "engine_first_mean_ms",
                server.firstTokens().meanMillisSince(before));
    }

    /** Many clients, one answer each. */
    private Map<String, Object> crowd(StubServer server) throws IOException, InterruptedException {
        List<RawStream> clients = new ArrayList<>();
        try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            for (int i = 0; i < streams; i++) {
                clients.add(new RawStream(server.port(), tokens));
            }
            long began = System.nanoTime();
            long metered = server.meterNanos();
            List<Callable<Long>> calls = new ArrayList<>();
            clients.forEach(client -> calls.add(client::run));
            for (Future<Long> call : threads.invokeAll(calls)) {
                call.get();
            }
            double seconds = (System.nanoTime() - began) * 1e-9;
            return Map.of("streams", streams, "tokens_per_stream", tokens, "seconds", seconds,
                    "tokens_per_second", (double) streams * tokens / seconds,
                    "meter_ns_per_token", (double) (server.meterNanos() - metered)
                            / ((long) streams * tokens));
        } catch (ExecutionException e) {
            throw new BenchException("a stream failed: " + e.getCause().getMessage(),
                    e.getCause());
        } finally {
            for (RawStream client : clients) {
                client.close();
            }
        }
    }
}
