package dev.millrace.server.wiring;

import dev.millrace.engine.forward.BackendException;
import dev.millrace.kernels.cuda.EmulatedDriver;
import dev.millrace.kernels.cuda.StandInNvml;
import dev.millrace.models.fixtures.TinyModels;
import dev.millrace.server.config.Setting;
import java.io.IOException;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

import static org.assertj.core.api.Assertions.*;

/** A whole server with a model on several emulated GPUs side by side, and what it costs. */
class ReplicaServingTest extends ServerOnGpus {

    private static final String TEMPLATE = "{% for message in messages %}{{ message.content }}"
            + "{% endfor %}";
    private static final int ILLEGAL_ADDRESS = 700;

    @BeforeEach
    void serveOnTwo() {
        EmulatedDriver.set("devices", 2);
        flags.put(Setting.REPLICAS, "2");
    }

    @AfterEach
    void unplugTheOthers() {
        EmulatedDriver.set("devices", 1);
    }

    private void start(String... names) throws IOException {
        Path file = TinyModels.llama().chatTemplate(TEMPLATE).contextTokens(512).write(folder);
        List<ModelSource> sources = new ArrayList<>();
        for (String name : names) {
            Path own = folder.resolve(name + "-own.gguf");
            if (!Files.exists(own)) {
                Files.copy(file, own);
            }
            sources.add(new ModelSource(name, own, Optional.empty()));
        }
        start(sources);
    }

    private HttpRequest ask(String model, String text, String more) {
        return request("/v1/chat/completions").header("Content-Type", "application/json")
                .POST(BodyPublishers.ofString("{\"model\": \"" + model + "\", \"temperature\": 0,"
                        + " \"max_tokens\": 5, \"messages\": [{\"role\": \"user\", \"content\": \""
                        + text + "\"}]" + more + "}"))
                .build();
    }

    private HttpResponse<String> chat(String model, String text) throws Exception {
        return client.send(ask(model, text, ""), BodyHandlers.ofString());
    }

    private String text(String path) throws Exception {
        return get(path).body();
    }

    private double metric(String name) throws Exception {
        Matcher line = Pattern.compile("^" + Pattern.quote(name) + " (\\S+)$", Pattern.MULTILINE)
                .matcher(text("/metrics"));
        assertThat(line.find()).as(name).isTrue();
        return Double.parseDouble(line.group(1));
    }

    private double replica(String name, int replica) throws Exception {
        return metric("millrace_replica_" + name + "{model_name=\"tiny\",replica=\"" + replica
                + "\"}");
    }

    @Test
    void requestsOfManyClientsRunOnBothSayWhatOneWouldAndTheBooksBalance() throws Exception {
        StandInNvml.set("milliwatts", 0, 250_000);
        StandInNvml.set("milliwatts", 1, 250_000);
        flags.put(Setting.REPLICAS, "1");
        start("tiny");
        List<String> expected = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            expected.add(said(chat("tiny", "abc".substring(i))));
        }
        assertThat(text("/metrics")).doesNotContain("millrace_replica_");
        assertBooksBalance(3);
        flags.put(Setting.REPLICAS, "2");
        start("tiny");

        List<CompletableFuture<HttpResponse<String>>> answers = new ArrayList<>();
        for (int i = 0; i < 8; i++) {
            answers.add(client.sendAsync(ask("tiny", "abc".substring(i % 3), i < 2
                    ? ", \"n\": 2"
                    : ""), BodyHandlers.ofString()));
        }
        for (int i = 0; i < answers.size(); i++) {
            JsonNode answer = json(body(answers.get(i).join()));
            assertThat(answer.at("/choices")).hasSize(i < 2 ? 2 : 1).allMatch(choice -> expected
                    .contains(choice.at("/message/content").asString()));
            assertThat(answer.at("/choices/0/message/content").asString())
                    .isEqualTo(expected.get(i % 3));
            assertThat(answer.at("/usage/cost").asDouble()).isPositive();
        }

        assertThat(replica("requests_total", 0) + replica("requests_total", 1)).isEqualTo(10);
        for (int i = 0; i < 2; i++) {
            assertThat(replica("requests_total", i)).isPositive();
            assertThat(replica("serving", i)).isEqualTo(1);
            assertThat(metric("millrace_replica_device_seconds_total{replica=\"" + i
                    + "\",state=\"step\"}")).isPositive();
        }
        assertThat(text("/metrics")).contains("vllm:num_requests_running{engine=\"0\"",
                "backend=\"2 replicas, each on cuda: ", "millrace_gpu_power_watts{gpu=\"1\"");
        assertThat(server.energy().description()).startsWith("NVML, 1 GPU for each of 2");
        assertThat(text("/readyz")).isEqualTo("{\"status\":\"ok\"}");
        assertBooksBalance(3 + 10);
    }

    @Test
    void whereOneGpuIsLostTheOtherGoesOnAndReadinessSaysSo() throws Exception {
        start("tiny");
        String expected = said(chat("tiny", "a"));
        EmulatedDriver.fail("graph", 3, ILLEGAL_ADDRESS);

        List<HttpResponse<String>> answers = new ArrayList<>();
        while (text("/readyz").equals("{\"status\":\"ok\"}")) {
            answers.add(chat("tiny", "a"));
        }
        HttpResponse<String> failed = answers.removeLast();
        assertThat(failed.statusCode()).isEqualTo(500);
        String why = message(failed);
        assertThat(why).startsWith("the generation failed: the GPU ")
                .contains("is lost: CUDA_ERROR_ILLEGAL_ADDRESS", "restart the server");
        for (int i = 0; i < 3; i++) {
            answers.add(chat("tiny", "a"));
        }

        assertThat(answers).allMatch(answer -> said(answer).equals(expected));
        assertThat(json(body(get("/readyz"))).at("/message").asString())
                .isEqualTo("1 of 2 replicas of tiny serve: "
                        + why.substring("the generation failed: ".length()));
        assertThat(text("/livez")).isEqualTo("{\"status\":\"alive\"}");
        assertThat(replica("serving", 0) + replica("serving", 1)).isEqualTo(1);
        assertBooksBalance(answers.size() + 2);
    }

    @Test
    void severalModelsTakeTurnsOnBothAndOneThatIsLostIsLeftOut() throws Exception {
        flags.put(Setting.GPUS, "1,0");
        start("tiny");
        long bytes = server.loaded().orElseThrow().pass().memory().totalBytes();
        server.stop(Duration.ofSeconds(60));
        Files.delete(folder.resolve("ledger.db"));
        long before = EmulatedDriver.set("memory", bytes * 3 / 2);
        try {
            start("tiny", "twin");
            assertThat(server.others()).containsExactly("twin");
            String expected = said(chat("tiny", "a"));
            assertThat(said(chat("twin", "a"))).isEqualTo(expected);
            assertThat(text("/v1/models/tiny")).contains("\"value\":\"unloaded\"");
            EmulatedDriver.fail("graph", 1, ILLEGAL_ADDRESS);
            assertThat(chat("twin", "a").statusCode()).isEqualTo(500);

            assertThat(said(chat("tiny", "a"))).isEqualTo(expected);
            assertThat(text("/readyz")).contains("\"degraded\"", "1 of 2 replicas of tiny serve");
            assertBooksBalance(4);
        } finally {
            EmulatedDriver.set("memory", before);
        }
    }

    @Test
    @Tag("proof")
    void groupsOfGpusThatShareAModelServeSideBySideToo() throws Exception {
        EmulatedDriver.set("devices", 4);
        flags.put(Setting.TENSOR_PARALLEL, "2");
        start("tiny");

        String one = said(chat("tiny", "a"));
        assertThat(said(chat("tiny", "bcd"))).isNotNull();
        assertThat(said(chat("tiny", "a"))).isEqualTo(one);
        assertThat(replica("requests_total", 0)).isPositive();
        assertThat(replica("requests_total", 1)).isPositive();
        assertBooksBalance(3);
    }

    @Test
    void whatCannotServeSideBySideIsRefusedInASentence() {
        flags.put(Setting.REPLICAS, "3");
        assertThatExceptionOfType(BackendException.class).isThrownBy(() -> start("tiny"))
                .withMessage("--replicas=3 asks for 3 GPUs, and those that can be used are 0"
                        + " (emulated device, 9.0), 1 (emulated device, 9.0); lower it");
        flags.put(Setting.REPLICAS, "2");
        long before = EmulatedDriver.set("memory", 100_000);
        try {
            assertThatExceptionOfType(BackendException.class).isThrownBy(() -> start("tiny"))
                    .withMessageMatching("--replicas=2 needs room for the model on each GPU: it"
                            + " takes \\d+ bytes, more than the 90000 that it may take of GPU 0;"
                            + " choose GPUs with --gpus, .*");
        } finally {
            EmulatedDriver.set("memory", before);
        }
        flags.put(Setting.BACKEND, "cpu");
        assertThatExceptionOfType(BackendException.class).isThrownBy(() -> start("tiny"))
                .withMessage("--replicas=2 needs GPUs: a processor's threads are one device, which"
                        + " one engine keeps busy; leave it out with --backend=cpu");
    }
}
