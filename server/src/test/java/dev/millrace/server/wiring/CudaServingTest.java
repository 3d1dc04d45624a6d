package dev.millrace.server.wiring;

import dev.millrace.engine.forward.BackendException;
import dev.millrace.kernels.cuda.EmulatedDriver;
import dev.millrace.kernels.cuda.StandInNvml;
import dev.millrace.models.Model;
import dev.millrace.models.fixtures.TinyModels;
import dev.millrace.server.config.Setting;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

import static org.assertj.core.api.Assertions.*;

/** A whole server on an emulated GPU: what clients are told, what it costs, and who gets room. */
class CudaServingTest extends ServerOnGpus {

    private static final String TEMPLATE = """
            {%- if tools %}{% for tool in tools %}{{ tool | tojson }}{% endfor %}
            For each call: <tool_call>{"name": ..., "arguments": ...}</tool_call>{% endif %}
            {%- for message in messages %}{{ message.role }}:{{ message.content }}
            {%- for call in message.tool_calls or [] %}<tool_call>
            {{- {"name": call.function.name, "arguments": call.function.arguments} | tojson }}
            {%- endfor %};{% endfor %}assistant:""";
    private List<ModelSource> sources;

    @BeforeEach
    void writeTinyModel() {
        Path model = TinyModels.llama().chatTemplate(TEMPLATE).contextTokens(512).write(folder);
        sources = List.of(new ModelSource("tiny", model, Optional.empty()));
    }

    private void start() {
        start(sources);
    }

    private HttpResponse<String> chat(int tokens, String more) throws Exception {
        return chat("tiny", 0, tokens, more);
    }

    private static JsonNode answer(HttpResponse<String> response) {
        return json(body(response));
    }

    @Test
    void answersStreamsCallsToolsAndKeepsToSchemasWithAPriceAndJoules() throws Exception {
        StandInNvml.set("milliwatts", 0, 250_000);
        long before = StandInNvml.set("drawn", 0, 500);
        start();

        JsonNode answer = answer(chat(6, ""));
        String streamed = streamed(chat(6, ",\"stream\": true"));
        JsonNode sampled = answer(chat("tiny", 1, 3, ",\"seed\": 4, \"logprobs\": true"));
        JsonNode schema = answer(chat(40, ",\"response_format\": {\"type\": \"json_schema\","
                + " \"json_schema\": {\"name\": \"a\", \"schema\": {\"enum\":"
                + " [\"yes\", \"no\"]}}}"));
        JsonNode call = answer(chat(120, ",\"tool_choice\": \"required\", \"tools\": [{\"type\":"
                + " \"function\", \"function\": {\"name\": \"ls\", \"strict\": true,"
                + " \"parameters\": {\"type\": \"object\", \"properties\": {}, \"required\": [],"
                + " \"additionalProperties\": false}}}]"));
        String metrics = body(get("/metrics"));
        StandInNvml.set("drawn", 0, before);

        assertThat(answer.at("/usage/completion_tokens").asInt()).isEqualTo(6);
        assertThat(answer.at("/usage/cost").asDouble()).isPositive();
        assertThat(answer.at("/usage/cost_details/joules").asDouble()).isPositive();
        assertThat(streamed).isEqualTo(answer.at("/choices/0/message/content").asString());
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
        String onGpu = said(chat(12, ""));
        assertBooksBalance(1);
        Files.delete(folder.resolve("ledger.db"));
        flags.put(Setting.BACKEND, "cpu");
        start();

        assertThat(said(chat(12, "")))
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
            assertThat(answer(chat(2, "")).at("/usage/completion_tokens").asInt()).isEqualTo(2);
            assertThat(answer(chat("larger", 0, 2, "")).at("/usage/cost").asDouble())
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
            String first = said(chat(4, ""));
            assertThat(said(chat("twin", 0, 4, ""))).isEqualTo(first);
            assertThat(answer(get("/v1/models/tiny")).at("/status/value").asString())
                    .isEqualTo("unloaded");
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
