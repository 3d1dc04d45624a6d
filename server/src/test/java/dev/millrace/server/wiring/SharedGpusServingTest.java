package dev.millrace.server.wiring;

import dev.millrace.kernels.cuda.EmulatedDriver;
import dev.millrace.kernels.cuda.StandInNvml;
import dev.millrace.models.fixtures.LoraDirectory;
import dev.millrace.models.fixtures.TinyModels;
import dev.millrace.server.config.Setting;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

import static org.assertj.core.api.Assertions.*;

/** A whole server whose model two emulated GPUs share. */
class SharedGpusServingTest extends ServerOnGpus {

    private static final String TEMPLATE = "{% for message in messages %}{{ message.content }}"
            + "{% endfor %}";
    private static final int ILLEGAL_ADDRESS = 700;

    @BeforeEach
    void plugInAnother() {
        EmulatedDriver.set("devices", 2);
        flags.put(Setting.TENSOR_PARALLEL, "2");
    }

    @AfterEach
    void pullItOut() {
        EmulatedDriver.set("devices", 1);
    }

    private void start() {
        Path model = folder.resolve("tiny.gguf");
        if (!Files.exists(model)) {
            TinyModels.llama().chatTemplate(TEMPLATE).contextTokens(512).writer().write(model);
        }
        start(List.of(new ModelSource("tiny", model, Optional.empty())));
    }

    private HttpResponse<String> chat() throws Exception {
        return chat("tiny", 0, 8, "");
    }

    @Test
    void answersAsOneGpuDoesAndMetersBoth() throws Exception {
        StandInNvml.set("milliwatts", 0, 250_000);
        StandInNvml.set("milliwatts", 1, 300_000);
        StandInNvml.set("drawn", 0, 500);
        StandInNvml.set("drawn", 1, 700);
        start();
        long graphs = EmulatedDriver.count("graphs");
        JsonNode answer = json(body(chat()));
        long launched = EmulatedDriver.count("graphs") - graphs;
        String streamed = streamed(chat("tiny", 0, 8, ",\"stream\": true"));
        JsonNode sampled = json(body(chat("tiny", 1, 3, ",\"seed\": 4, \"logprobs\": true")));
        String metrics = body(get("/metrics"));
        for (int i = 0; i < 2; i++) {
            StandInNvml.set("drawn", i, 0);
        }

        assertThat(server.loaded().orElseThrow().backend().description())
                .endsWith("; 2 GPUs share the model (0, 1)");
        assertThat(launched).as("a graph for each GPU and token").isPositive().isEven();
        assertThat(streamed).isEqualTo(answer.at("/choices/0/message/content").asString());
        assertThat(sampled.at("/choices/0/logprobs/content")).hasSize(3);
        assertThat(answer.at("/usage/cost").asDouble()).isPositive();
        assertThat(answer.at("/usage/cost_details/joules").asDouble()).isPositive();
        assertThat(metrics).contains(
                "millrace_gpu_power_watts{gpu=\"0\",name=\"emulated device\"} 250.0",
                "millrace_gpu_power_watts{gpu=\"1\",name=\"emulated device\"} 300.0",
                "millrace_gpu_memory_used_bytes{gpu=\"1\"");
        assertThat(server.energy().description()).startsWith("NVML, 2 GPUs");
        assertBooksBalance(3);

        Files.delete(folder.resolve("ledger.db"));
        flags.put(Setting.TENSOR_PARALLEL, "1");
        start();
        assertThat(said(chat())).isEqualTo(streamed);
        assertBooksBalance(1);
    }

    @Test
    void adaptersAreLoadedOntoBothWhileTheServerRuns() throws Exception {
        Path one = LoraDirectory.ofTinyLlama(1).write(folder.resolve("one"));
        Path other = LoraDirectory.ofTinyLlama(2).write(folder.resolve("other"));
        flags.put(Setting.LORA, "one=" + one);
        flags.put(Setting.LORA_UPDATES, "on");
        start();

        String base = said(chat());
        String changed = said(chat("tiny:one", 0, 8, ""));
        body(post("/v1/load_lora_adapter", """
                {"lora_name": "other", "lora_path": "%s"}""".formatted(other)));
        String loaded = said(chat("tiny:other", 0, 8, ""));
        body(post("/v1/unload_lora_adapter", "{\"lora_name\": \"one\"}"));

        assertThat(List.of(base, changed, loaded)).doesNotHaveDuplicates();
        assertThat(said(chat())).isEqualTo(base);
        assertThat(said(chat("tiny:other", 0, 8, ""))).isEqualTo(loaded);
        assertThat(chat("tiny:one", 0, 8, "").statusCode()).isEqualTo(404);
        assertBooksBalance(5);
    }

    /** All that run then and all that come later, with the sentence that names the lost one. */
    @Test
    void aGpuThatIsLostWithinAnExchangeEndsAllRequests() throws Exception {
        start();
        said(chat());
        EmulatedDriver.fail("exchange", 11, ILLEGAL_ADDRESS);
        Callable<HttpResponse<String>> asking = this::chat;

        try (ExecutorService clients = Executors.newFixedThreadPool(2)) {
            for (Future<HttpResponse<String>> each : clients.invokeAll(List.of(asking, asking))) {
                HttpResponse<String> response = each.get(1, TimeUnit.MINUTES);
                assertThat(response.statusCode()).as(response.body()).isIn(500, 503);
                assertThat(message(response)).contains("the GPU 1 (emulated device) is lost:"
                        + " CUDA_ERROR_ILLEGAL_ADDRESS").contains("restart the server");
            }
        }
        String refused = message(chat());
        assertThat(refused).startsWith("the GPU 1 (emulated device) is lost");
        for (String path : List.of("/readyz", "/health", "/livez")) {
            HttpResponse<String> health = get(path);
            assertThat(health.statusCode()).as(path).isEqualTo(503);
            assertThat(json(health.body()).at("/message").asString()).isEqualTo(refused);
        }
        assertBooksBalance(4);
    }
}
