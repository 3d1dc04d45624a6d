package dev.millrace.server.wiring;

import dev.millrace.kernels.cuda.EmulatedDriver;
import dev.millrace.models.fixtures.TinyModels;
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
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.json.JsonMapper;

import static org.assertj.core.api.Assertions.*;

/** A whole server whose GPU fails: what clients and orchestrators are told, and what it costs. */
@Timeout(600)
class CudaFailureServingTest {

    private static final String TEMPLATE = "{% for message in messages %}{{ message.content }}"
            + "{% endfor %}";
    private static final int OUT_OF_MEMORY = 2;
    private static final int ILLEGAL_ADDRESS = 700;
    private static final int LAUNCH_OUT_OF_RESOURCES = 701;

    private static EmulatedGpu gpu;

    @TempDir
    Path folder;

    private final Map<Setting, String> flags = new EnumMap<>(Setting.class);
    private final HttpClient client = HttpClient.newHttpClient();
    private ServingAssembly server;

    @BeforeAll
    static void plugIn(@TempDir Path kernels) throws IOException {
        gpu = new EmulatedGpu(kernels);
    }

    @AfterAll
    static void pullOut() {
        if (gpu != null) {
            gpu.close();
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

    private void start(String... names) throws IOException {
        Path file = TinyModels.llama().chatTemplate(TEMPLATE).contextTokens(512).write(folder);
        List<ModelSource> sources = new ArrayList<>();
        for (String name : names) {
            Path own = Files.copy(file, folder.resolve(name + "-own.gguf"));
            sources.add(new ModelSource(name, own, Optional.empty()));
        }
        server = new ServingAssembly(sources,
                ServerConfig.load(Map.of(), folder, Optional.empty(), flags),
                folder.resolve("ledger.db"), Duration.ZERO);
    }

    private HttpResponse<String> get(String path) throws Exception {
        return client.send(request(path).build(), BodyHandlers.ofString());
    }

    private HttpRequest.Builder request(String path) {
        return HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + server.port() + path));
    }

    private HttpResponse<String> chat(String model) throws Exception {
        return client.send(request("/v1/chat/completions")
                .header("Content-Type", "application/json").POST(BodyPublishers.ofString("""
                        {"model": "%s", "temperature": 0, "max_tokens": 8, "messages":
                         [{"role": "user", "content": "a"}]}""".formatted(model)))
                .build(), BodyHandlers.ofString());
    }

    private static String message(HttpResponse<String> response) {
        return JsonMapper.shared().readTree(response.body()).at("/error/message").asString();
    }

    private static String said(HttpResponse<String> response) {
        assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
        return JsonMapper.shared().readTree(response.body()).at("/choices/0/message/content")
                .asString();
    }

    /** @param requests those too that were refused */
    private void assertBooksBalance(int requests) {
        assertThat(server.stop(Duration.ofSeconds(60))).isTrue();
        try (LedgerReader reader = LedgerReader.open(server.ledger())) {
            assertThat(reader.summary().requests()).isEqualTo(requests);
            assertThat(reader.summary().balance().balances()).isTrue();
        }
    }

    @Test
    void aLostGpuIsToldToAllAndOrchestratorsStartTheServerAnew() throws Exception {
        start("tiny");
        assertThat(get("/readyz").statusCode()).isEqualTo(200);
        String before = said(chat("tiny"));
        EmulatedDriver.fail("graph", 3, ILLEGAL_ADDRESS);

        HttpResponse<String> failed = chat("tiny");
        HttpResponse<String> refused = chat("tiny");

        assertThat(before).isNotNull();
        assertThat(failed.statusCode()).isEqualTo(500);
        assertThat(message(failed)).isEqualTo("the generation failed: " + message(refused));
        assertThat(message(refused)).startsWith("the GPU 0 (emulated device) is lost:"
                + " CUDA_ERROR_ILLEGAL_ADDRESS, an illegal memory access was encountered")
                .contains("restart the server", "nvidia-smi", "Xid");
        assertThat(refused.statusCode()).isEqualTo(503);
        assertThat(refused.headers().firstValue("Retry-After")).isPresent();
        for (String path : List.of("/readyz", "/health", "/livez")) {
            HttpResponse<String> health = get(path);
            assertThat(health.statusCode()).as(path).isEqualTo(503);
            assertThat(JsonMapper.shared().readTree(health.body()).at("/message").asString())
                    .isEqualTo(message(refused));
        }
        assertBooksBalance(3);
    }

    @Test
    void anErrorThatDoesNotStayFailsItsRequestOnly() throws Exception {
        start("tiny");
        String expected = said(chat("tiny"));
        EmulatedDriver.fail("graph", 3, LAUNCH_OUT_OF_RESOURCES);

        HttpResponse<String> failed = chat("tiny");

        assertThat(failed.statusCode()).isEqualTo(500);
        assertThat(message(failed)).contains("the model's step failed");
        assertThat(said(chat("tiny"))).isEqualTo(expected);
        assertThat(get("/readyz").statusCode()).isEqualTo(200);
        assertThat(get("/livez").statusCode()).isEqualTo(200);
        assertBooksBalance(3);
    }

    @Test
    void aSecondModelThatFindsNoMemoryIsRefusedInNumbersAndTheServerGoesOn() throws Exception {
        start("tiny", "twin");
        String expected = said(chat("tiny"));
        EmulatedDriver.fail("allocate", 2, OUT_OF_MEMORY);

        HttpResponse<String> refused = chat("twin");

        assertThat(refused.statusCode()).isEqualTo(503);
        assertThat(message(refused)).matches("twin could not be loaded: the emulated device has"
                + " \\d+ bytes of memory left, and \\d+ more were needed for .*; lower the memory"
                + " limit below what is free \\(see nvidia-smi\\)");
        assertThat(said(chat("tiny"))).isEqualTo(expected);
        assertThat(said(chat("twin"))).isEqualTo(expected);
        assertThat(get("/readyz").statusCode()).isEqualTo(200);
        assertBooksBalance(4);
    }
}
