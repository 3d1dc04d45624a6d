package dev.millrace.server.wiring;

import dev.millrace.engine.forward.BackendException;
import dev.millrace.models.Model;
import dev.millrace.models.fixtures.TinyModels;
import dev.millrace.server.config.ServerConfig;
import dev.millrace.server.config.Setting;
import dev.millrace.server.metering.LedgerReader;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

import static org.assertj.core.api.Assertions.*;

/** Two models in one process, with memory for both or for one at a time. */
@Timeout(60)
class SeveralModelsTest {

    @TempDir
    Path folder;

    private final Map<Setting, String> flags = new EnumMap<>(Setting.class);
    private final HttpClient client = HttpClient.newHttpClient();
    private List<ModelSource> sources;
    private ServingAssembly server;

    @BeforeEach
    void writeTwoModels() throws IOException {
        Path model = TinyModels.llama().write(folder);
        Path twin = Files.copy(model, folder.resolve("twin.gguf"));
        sources = List.of(new ModelSource("one", model, Optional.empty()),
                new ModelSource("two", twin, Optional.empty()));
        flags.put(Setting.PORT, "0");
        flags.put(Setting.SEQUENCES, "2");
        flags.put(Setting.THREADS, "1");
    }

    @AfterEach
    void stop() {
        client.shutdownNow();
        if (server != null) {
            server.stop(Duration.ofSeconds(20));
        }
    }

    private ServerConfig config() {
        return ServerConfig.load(Map.of(), folder, Optional.empty(), flags);
    }

    private void start() {
        server = new ServingAssembly(sources, config(), folder.resolve("ledger.db"),
                Duration.ZERO);
    }

    private JsonNode send(HttpRequest.Builder request, int status) throws Exception {
        var response = client.send(request.build(), BodyHandlers.ofString());
        assertThat(response.statusCode()).as(response.body()).isEqualTo(status);
        return JsonMapper.shared().readTree(response.body());
    }

    private HttpRequest.Builder request(String path) {
        return HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + server.port() + path));
    }

    private String complete(String model) throws Exception {
        return send(request("/v1/completions").header("Content-Type", "application/json")
                .POST(BodyPublishers.ofString("""
                        {"model": "%s", "prompt": "the hand of", "max_tokens": 8,
                         "temperature": 0}""".formatted(model))),
                200).at("/choices/0/text").asString();
    }

    private String status(String model) throws Exception {
        return send(request("/v1/models/" + model), 200).at("/status/value").asString();
    }

    /** A limit that one of the models needs most of. */
    private void memoryForOne() {
        long bytes = 0;
        try (ServableModel model = new ServableModel(sources.getFirst(),
                Model.open(sources.getFirst().file()), config(), true)) {
            bytes = model.need().fixedBytes() + model.need().mostCacheBytes();
        }
        flags.put(Setting.MEMORY, bytes * 3 / 2 + "B");
    }

    @Test
    void loadsTheOtherModelWhenItIsAskedForAndKeepsBoth() throws Exception {
        start();

        assertThat(status("one")).isEqualTo("loaded");
        assertThat(status("two")).isEqualTo("unloaded");
        assertThat(complete("two")).isEqualTo(complete("one"));

        JsonNode models = send(request("/v1/models"), 200).get("data");
        assertThat(models.valueStream().map(model -> model.get("id").asString())).containsExactly(
                "one", "two");
        assertThat(status("one")).isEqualTo("loaded");
        assertThat(status("two")).isEqualTo("loaded");
    }

    @Test
    void modelsTakeTurnsWhereTheMemoryIsForOneAndTheBooksBalance() throws Exception {
        memoryForOne();
        start();

        String first = complete("one");
        assertThat(complete("two")).isEqualTo(first);
        assertThat(status("one")).isEqualTo("unloaded");
        assertThat(complete("one")).isEqualTo(first);
        assertThat(status("two")).isEqualTo("unloaded");
        String metrics = client.send(request("/metrics").build(), BodyHandlers.ofString()).body();
        server.stop(Duration.ofSeconds(20));

        assertThat(metrics).contains("millrace_model_loads_total{model_name=\"one\"} 2.0",
                "millrace_model_loads_total{model_name=\"two\"} 1.0",
                "millrace_computed_tokens_total{kind=\"rejected\",model_name=\"two\"}",
                "millrace_computed_tokens_total{kind=\"recompute\",model_name=\"one\"} 0.0",
                "vllm:generation_tokens_total{engine=\"0\",model_name=\"one\"} 16.0",
                "vllm:generation_tokens_total{engine=\"0\",model_name=\"two\"} 8.0");
        try (LedgerReader reader = LedgerReader.open(server.ledger())) {
            assertThat(reader.summary().requests()).isEqualTo(3);
            assertThat(reader.summary().balance().balances()).isTrue();
        }
    }

    @Test
    void saysAtTheStartThatAModelDoesNotFit() {
        flags.put(Setting.MEMORY, "100kB");

        assertThatExceptionOfType(BackendException.class).isThrownBy(this::start)
                .withMessageContaining("one needs ").withMessageContaining("limit is 100 kB");
    }

    @Test
    void refusesTwoModelsOfOneName() {
        sources = List.of(sources.getFirst(), sources.getFirst());

        assertThatIllegalArgumentException().isThrownBy(this::start)
                .withMessageContaining("two models are called one");
    }
}
