package dev.millrace.server.wiring;

import dev.millrace.engine.forward.BackendException;
import dev.millrace.kernels.cuda.EmulatedDriver;
import dev.millrace.kernels.cuda.StandInNvml;
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
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
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
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

import static org.assertj.core.api.Assertions.*;

/** A whole server on an emulated GPU: what clients are told, what it costs, and who gets room. */
@Timeout(600)
class CudaServingTest {

    private static final String TEMPLATE = """
            {%- if tools %}{% for tool in tools %}{{ tool | tojson }}{% endfor %}
            For each call: <tool_call>{"name": ..., "arguments": ...}</tool_call>{% endif %}
            {%- for message in messages %}{{ message.role }}:{{ message.content }}
            {%- for call in message.tool_calls or [] %}<tool_call>
            {{- {"name": call.function.name, "arguments": call.function.arguments} | tojson }}
            {%- endfor %};{% endfor %}assistant:""";
    private static final String ASK = "{\"model\": \"%s\", \"temperature\": %d,"
            + " \"max_tokens\": %d, \"messages\": [{\"role\": \"user\", \"content\": \"a\"}]%s}";

    private static EmulatedGpu gpu;

    @TempDir
    Path folder;

    private final Map<Setting, String> flags = new EnumMap<>(Setting.class);
    private final HttpClient client = HttpClient.newHttpClient();
    private List<ModelSource> sources;
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
    void writeTinyModel() {
        Path model = TinyModels.llama().chatTemplate(TEMPLATE).contextTokens(512).write(folder);
        sources = List.of(new ModelSource("tiny", model, Optional.empty()));
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
    }

    private ServerConfig config() {
        return ServerConfig.load(Map.of(), folder, Optional.empty(), flags);
    }

    private void start() {
        server = new ServingAssembly(sources, config(), folder.resolve("ledger.db"),
                Duration.ZERO);
    }

    private HttpResponse<String> send(HttpRequest.Builder request) throws Exception {
        HttpResponse<String> response = client.send(request.build(), BodyHandlers.ofString());
        assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
        return response;
    }

    private HttpRequest.Builder request(String path) {
        return HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + server.port() + path));
    }

    private String chat(int tokens, String more) throws Exception {
        return chat("tiny", 0, tokens, more);
    }

    private String chat(String model, int temperature, int tokens, String more) throws Exception {
        return send(request("/v1/chat/completions").header("Content-Type", "application/json")
                .POST(BodyPublishers.ofString(ASK.formatted(model, temperature, tokens, more))))
                .body();
    }

    private static JsonNode json(String text) {
        return JsonMapper.shared().readTree(text);
    }

    private void assertBooksBalance(int requests) {
        assertThat(server.stop(Duration.ofSeconds(60))).isTrue();
        try (LedgerReader reader = LedgerReader.open(server.ledger())) {
            assertThat(reader.summary().requests()).isEqualTo(requests);
            assertThat(reader.summary().balance().balances()).isTrue();
        }
    }

    @Test
    void answersStreamsCallsToolsAndKeepsToSchemasWithAPriceAndJoules() throws Exception {
        StandInNvml.set("milliwatts", 0, 250_000);
        long before = StandInNvml.set("drawn", 0, 500);
        start();

        JsonNode answer = json(chat(6, ""));
        String stream = chat(6, ",\"stream\": true");
        JsonNode sampled = json(chat("tiny", 1, 3, ",\"seed\": 4, \"logprobs\": true"));
        JsonNode schema = json(chat(40, ",\"response_format\": {\"type\": \"json_schema\","
                + " \"json_schema\": {\"name\": \"a\", \"schema\": {\"enum\":"
                + " [\"yes\", \"no\"]}}}"));
        JsonNode call = json(chat(120, ",\"tool_choice\": \"required\", \"tools\": [{\"type\":"
                + " \"function\", \"function\": {\"name\": \"ls\", \"strict\": true,"
                + " \"parameters\": {\"type\": \"object\", \"properties\": {}, \"required\": [],"
                + " \"additionalProperties\": false}}}]"));
        String metrics = send(request("/metrics")).body();
        StandInNvml.set("drawn", 0, before);

        assertThat(answer.at("/usage/completion_tokens").asInt()).isEqualTo(6);
        assertThat(answer.at("/usage/cost").asDouble()).isPositive();
        assertThat(answer.at("/usage/cost_details/joules").asDouble()).isPositive();
        StringBuilder streamed = new StringBuilder();
        stream.lines().filter(line -> line.startsWith("data: {")).forEach(line -> streamed.append(
                json(line.substring(6)).at("/choices/0/delta/content").asString("")));
        assertThat(streamed.toString())
                .isEqualTo(answer.at("/choices/0/message/content").asString());
        assertThat(sampled.at("/choices/0/logprobs/content")).hasSize(3);
        assertThat(schema.at("/choices/0/message/content").asString().strip())
                .isIn("\"yes\"", "\"no\"");
        assertThat(call.at("/choices/0/message/tool_calls/0/function/name").asString())
                .isEqualTo("ls");
        assertThat(metrics).contains(
                "millrace_gpu_power_watts{gpu=\"0\",name=\"emulated device\"} 250.0",
                "millrace_gpu_energy_joules_total{gpu=\"0\"", "millrace_gpu_utilisation{gpu=\"0\"",
                "millrace_gpu_memory_used_bytes{gpu=\"0\"", "millrace_energy_joules_total{");
        assertThat(server.loaded().orElseThrow().backend().name()).isEqualTo("cuda");
        assertThat(server.energy().description()).startsWith("NVML, 1 GPU");
        assertBooksBalance(5);
    }

    @Test
    void saysTheSameOnTheProcessor() throws Exception {
        start();
        String onGpu = json(chat(12, "")).at("/choices/0/message/content").asString();
        assertBooksBalance(1);
        Files.delete(folder.resolve("ledger.db"));
        flags.put(Setting.BACKEND, "cpu");
        start();

        assertThat(json(chat(12, "")).at("/choices/0/message/content").asString())
                .isEqualTo(onGpu);
        assertThat(server.energy().description()).doesNotContain("NVML");
    }

    @Test
    void autoTakesTheGpuAndTheProcessorWhereThereIsNone() {
        flags.put(Setting.BACKEND, "auto");
        start();
        assertThat(server.loaded().orElseThrow().backend().name()).isEqualTo("cuda");
        assertThat(server.loaded().orElseThrow().why()).isEqualTo("auto: there is a GPU");
        assertThat(server.stop(Duration.ofSeconds(60))).isTrue();

        long before = EmulatedDriver.set("devices", 0);
        try {
            start();
            assertThat(server.loaded().orElseThrow().backend().name()).isEqualTo("cpu");
            assertThat(server.loaded().orElseThrow().why())
                    .isEqualTo("auto: the NVIDIA driver shows no device");
        } finally {
            EmulatedDriver.set("devices", before);
        }
    }

    /** What a model takes of the GPU with all of its cache, in bytes. */
    private long needBytes(ModelSource source) {
        try (ServableModel model = new ServableModel(source, Model.open(source.file()), config(),
                true)) {
            return model.need().fixedBytes() + model.need().mostCacheBytes();
        }
    }

    private void addLargerModel() {
        Path larger = TinyModels.llama().chatTemplate(TEMPLATE).layers(3).sizes(64, 4096)
                .writer().write(folder.resolve("larger.gguf"));
        sources = List.of(sources.getFirst(), new ModelSource("larger", larger,
                Optional.empty()));
    }

    @Test
    void aSecondModelThatTheGpuHasNoRoomForIsServedByTheProcessorAndSaysWhy() throws Exception {
        flags.put(Setting.BACKEND, "auto");
        long bytes = needBytes(sources.getFirst());
        addLargerModel();
        assertThat(needBytes(sources.getLast())).isGreaterThan(bytes * 3 / 2);
        long before = EmulatedDriver.set("memory", bytes * 3 / 2);
        try {
            start();

            assertThat(server.others()).singleElement().asString()
                    .startsWith("larger (cpu: ").contains("; auto: the model takes ",
                            " bytes on the GPU, more than the ");
            assertThat(json(chat(2, "")).at("/usage/completion_tokens").asInt()).isEqualTo(2);
            assertThat(json(chat("larger", 0, 2, "")).at("/usage/cost").asDouble())
                    .isPositive();
            assertBooksBalance(2);
        } finally {
            EmulatedDriver.set("memory", before);
        }
    }

    @Test
    void modelsThatTheGpuHasRoomForOneByOneTakeTurnsThere() throws Exception {
        long bytes = needBytes(sources.getFirst());
        Path twin = Files.copy(sources.getFirst().file(), folder.resolve("twin.gguf"));
        sources = List.of(sources.getFirst(), new ModelSource("twin", twin, Optional.empty()));
        long before = EmulatedDriver.set("memory", bytes * 3 / 2);
        try {
            start();
            assertThat(server.others()).containsExactly("twin");
            String first = json(chat(4, "")).at("/choices/0/message/content").asString();
            assertThat(json(chat("twin", 0, 4, "")).at("/choices/0/message/content")
                    .asString()).isEqualTo(first);
            assertThat(json(send(request("/v1/models/tiny")).body()).at("/status/value")
                    .asString()).isEqualTo("unloaded");
            assertBooksBalance(2);
        } finally {
            EmulatedDriver.set("memory", before);
        }
    }

    @Test
    void aModelThatANamedGpuHasNoRoomForIsRefusedWithNumbers() {
        long bytes = needBytes(sources.getFirst());
        addLargerModel();
        long before = EmulatedDriver.set("memory", bytes * 3 / 2);
        try {
            assertThatExceptionOfType(BackendException.class).isThrownBy(this::start)
                    .withMessageMatching("larger needs .* \\(.* weights and buffers, .* cache of"
                            + " one full context\\), but the memory limit is .*; raise --memory,"
                            + " lower --context or take a model of fewer bits");
        } finally {
            EmulatedDriver.set("memory", before);
        }
    }
}
