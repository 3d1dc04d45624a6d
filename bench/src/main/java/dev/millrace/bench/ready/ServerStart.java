package dev.millrace.bench.ready;

import dev.millrace.bench.BenchException;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** A server process from its start on: when it is ready, when its first token is there. */
final class ServerStart implements AutoCloseable {

    private static final JsonMapper JSON = JsonMapper.builder().build();
    private static final Duration POLL = Duration.ofMillis(20);
    private static final Duration PATIENCE_AT_THE_END = Duration.ofSeconds(30);
    private static final int EXCERPT_CHARACTERS = 600;

    private final String command;
    private final URI root;
    private final HttpClient client;
    private final Path output;
    private final Process process;
    private final long startNanos;
    private final long limitNanos;

    /**
     * Starts a command, which the shell replaces itself by.
     *
     * @param port  of this machine on which it will listen
     * @param limit longest that it may take to its first token
     */
    ServerStart(String command, int port, Duration limit, HttpClient client) throws IOException {
        this.command = command;
        this.root = URI.create("http://127.0.0.1:" + port);
        this.client = client;
        this.output = Files.createTempFile("millrace-server", ".log");
        this.limitNanos = limit.toNanos();
        this.startNanos = System.nanoTime();
        this.process = new ProcessBuilder("/bin/sh", "-c", "exec " + command)
                .redirectErrorStream(true).redirectOutput(output.toFile()).start();
    }

    /**
     * Waits until the health page says yes, as load balancers do.
     *
     * @return seconds since the start
     * @throws BenchException if the process ends before, or takes too long
     */
    double awaitReady() throws IOException, InterruptedException {
        HttpRequest health = HttpRequest.newBuilder(root.resolve("/health")).build();
        while (status(health) != 200) {
            if (!process.isAlive()) {
                throw new BenchException("the server ended with status " + process.exitValue()
                        + " before it was ready: " + command + "\n" + excerpt());
            }
            if (System.nanoTime() - startNanos > limitNanos) {
                throw new BenchException("the server was not ready in "
                        + TimeUnit.NANOSECONDS.toSeconds(limitNanos) + " s; raise --timeout: "
                        + command + "\n" + excerpt());
            }
            Thread.sleep(POLL);
        }
        return seconds();
    }

    private int status(HttpRequest request) throws InterruptedException {
        try {
            return client.send(request, BodyHandlers.discarding()).statusCode();
        } catch (IOException e) {
            return 0; // nobody listens yet
        }
    }

    /**
     * Asks the server's first model for one token.
     *
     * @return seconds since the start
     * @throws BenchException if it refuses
     */
    double firstToken() throws IOException, InterruptedException {
        JsonNode models = JSON.readTree(answer(HttpRequest.newBuilder(
                root.resolve("/v1/models")).build()));
        String body = JSON.writeValueAsString(JSON.createObjectNode()
                .put("model", models.at("/data/0/id").asString(""))
                .put("max_tokens", 1).set("prompt", JSON.createArrayNode().add(5)));
        answer(HttpRequest.newBuilder(root.resolve("/v1/completions"))
                .header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofString(body)).build());
        return seconds();
    }

    private String answer(HttpRequest request) throws IOException, InterruptedException {
        HttpResponse<String> response = client.send(request, BodyHandlers.ofString());
        if (response.statusCode() != 200) {
            throw new BenchException("the server answered " + request.uri() + " with status "
                    + response.statusCode() + ": " + response.body());
        }
        return response.body();
    }

    private double seconds() {
        return (System.nanoTime() - startNanos) * 1e-9;
    }

    /** Where its time went, if it says so in our words. */
    Optional<ReadyLine> readyLine() throws IOException {
        return ReadyLine.find(printed());
    }

    private String printed() throws IOException {
        return new String(Files.readAllBytes(output), StandardCharsets.UTF_8);
    }

    private String excerpt() throws IOException {
        String text = printed().strip();
        return text.isEmpty()
                ? "(it printed nothing)"
                : text.substring(Math.max(0, text.length() - EXCERPT_CHARACTERS));
    }

    boolean isAlive() {
        return process.isAlive();
    }

    /** Ends the process, first politely. */
    @Override
    public void close() throws IOException {
        process.destroy();
        try {
            if (!process.waitFor(PATIENCE_AT_THE_END.toMillis(), TimeUnit.MILLISECONDS)) {
                process.destroyForcibly();
            }
        } catch (InterruptedException e) {
            process.destroyForcibly();
            Thread.currentThread().interrupt();
        }
        Files.deleteIfExists(output);
    }
}
