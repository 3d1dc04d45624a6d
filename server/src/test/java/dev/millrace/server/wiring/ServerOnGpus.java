package dev.millrace.server.wiring;

import dev.millrace.kernels.cuda.EmulatedDriver;
import dev.millrace.server.config.ServerConfig;
import dev.millrace.server.config.Setting;
import dev.millrace.server.metering.LedgerReader;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Path;
import java.time.Duration;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

import static org.assertj.core.api.Assertions.assertThat;

/** What tests of a whole server on emulated GPUs begin and end with. */
@Timeout(600)
abstract class ServerOnGpus {

    private static EmulatedGpu gpu;

    @TempDir
    Path folder;

    final Map<Setting, String> flags = new EnumMap<>(Setting.class);
    final HttpClient client = HttpClient.newHttpClient();
    ServingAssembly server;

    @BeforeAll
    static void plugIn(@TempDir Path kernels) throws IOException {
        gpu = new EmulatedGpu(kernels);
    }

    @AfterAll
    static void pullOut() {
        if (gpu != null) {
            gpu.close();
            gpu = null;
        }
    }

    @BeforeEach
    void settings() {
        flags.put(Setting.PORT, "0");
        flags.put(Setting.SEQUENCES, "2");
        flags.put(Setting.THREADS, "1");
        flags.put(Setting.BACKEND, "cuda");
    }

    @AfterEach
    void stop() {
        client.shutdownNow();
        if (server != null) {
            server.stop(Duration.ofSeconds(60));
        }
        EmulatedDriver.repair();
    }

    final ServerConfig config() {
        return ServerConfig.load(Map.of(), folder, Optional.empty(), flags);
    }

    final void start(List<ModelSource> sources) {
        server = new ServingAssembly(sources, config(), folder.resolve("ledger.db"),
                Duration.ZERO);
    }

    final HttpRequest.Builder request(String path) {
        return HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + server.port() + path));
    }

    final HttpResponse<String> send(HttpRequest.Builder request) throws Exception {
        return client.send(request.build(), BodyHandlers.ofString());
    }

    final HttpResponse<String> get(String path) throws Exception {
        return send(request(path));
    }

    final HttpResponse<String> post(String path, String json) throws Exception {
        return send(request(path).header("Content-Type", "application/json")
                .POST(BodyPublishers.ofString(json)));
    }

    /** A chat of one word. @param more members of the request, with a comma first */
    final HttpResponse<String> chat(String model, int temperature, int tokens, String more)
            throws Exception {
        return post("/v1/chat/completions", """
                {"model": "%s", "temperature": %d, "max_tokens": %d,
                 "messages": [{"role": "user", "content": "a"}]%s}"""
                .formatted(model, temperature, tokens, more));
    }

    /** The body of an answer that is none of an error. */
    static String body(HttpResponse<String> response) {
        assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
        return response.body();
    }

    static JsonNode json(String text) {
        return JsonMapper.shared().readTree(text);
    }

    /** What a chat was answered. */
    static String said(HttpResponse<String> response) {
        return json(body(response)).at("/choices/0/message/content").asString();
    }

    static String message(HttpResponse<String> response) {
        return json(response.body()).at("/error/message").asString();
    }

    /** The pieces of a streamed chat. */
    static String streamed(HttpResponse<String> response) {
        StringBuilder streamed = new StringBuilder();
        body(response).lines().filter(line -> line.startsWith("data: {")).forEach(
                line -> streamed.append(json(line.substring(6)).at("/choices/0/delta/content")
                        .asString("")));
        return streamed.toString();
    }

    /** Stops the server. @param requests those too that were refused */
    final void assertBooksBalance(int requests) {
        assertThat(server.stop(Duration.ofSeconds(60))).isTrue();
        try (LedgerReader reader = LedgerReader.open(server.ledger())) {
            assertThat(reader.summary().requests()).isEqualTo(requests);
            assertThat(reader.summary().balance().differenceNanoUsd()).isZero();
            assertThat(reader.summary().balance().balances()).isTrue();
            assertThat(reader.audit()).isEmpty();
        }
    }
}
