package dev.millrace.server.openai;

import dev.millrace.engine.BatchingEngine;
import dev.millrace.engine.DeviceLane;
import dev.millrace.engine.EngineSettings;
import dev.millrace.engine.Vocabulary;
import dev.millrace.engine.cpu.CpuBackend;
import dev.millrace.engine.forward.ForwardPass;
import dev.millrace.engine.forward.MemoryBudget;
import dev.millrace.kernels.WorkerPool;
import dev.millrace.kernels.cpu.CpuKernels;
import dev.millrace.models.Model;
import dev.millrace.models.fixtures.TinyModels;
import dev.millrace.models.store.Licence;
import dev.millrace.models.template.ChatTemplate;
import dev.millrace.models.text.Tokenizer;
import dev.millrace.server.fixtures.Chat;
import dev.millrace.server.fixtures.NodeClient;
import dev.millrace.server.fixtures.RecordingMeter;
import dev.millrace.server.http.HttpSettings;
import dev.millrace.server.http.MillraceServer;
import dev.millrace.server.metering.budget.BudgetGate;
import dev.millrace.server.openai.model.ServedModel;
import dev.millrace.server.openai.wire.HttpLimits;
import dev.millrace.server.tenants.KeyRing;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfEnvironmentVariable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

import static org.assertj.core.api.Assertions.*;

/** A trained model, from its file to the wire and back. */
@EnabledIfEnvironmentVariable(named = "MILLRACE_TEST_DATA", matches = ".+")
class RealModelIT {

    private static final NodeClient CLIENT = new NodeClient("clients");
    private static final String NAME = "scripted";
    /** What llama.cpp's llama-completion (b9888, --temp 0) prints after "Once upon a time". */
    private static final String STORY = ", there was a little girl named Lily. She loved to play "
            + "outside in the sunshine. One day, she saw a big, red ball in the sky.";

    private static final RecordingMeter METER = new RecordingMeter();
    private static Model model;
    private static WorkerPool pool;
    private static ForwardPass pass;
    private static BatchingEngine engine;
    private static MillraceServer server;
    private static String url;

    @BeforeAll
    static void start() {
        model = Model.open(Path.of(System.getenv("MILLRACE_TEST_DATA"), "models",
                "stories15M-Q8_0.gguf"));
        pool = WorkerPool.create(2);
        int context = model.spec().contextTokens();
        pass = new CpuBackend(CpuKernels.scalar(), pool, Duration.ZERO).open(model.spec(),
                model.weights(), new MemoryBudget(1 << 28, context, 4, 64));
        Tokenizer tokenizer = model.tokenizer().orElseThrow();
        engine = BatchingEngine.start(NAME, pass,
                Vocabulary.of(tokenizer, model.spec().vocabularySize()),
                new EngineSettings(4, 64, context, 16, 4096, true), new DeviceLane(), METER);
        server = new MillraceServer(new HttpSettings("127.0.0.1", 0, HttpLimits.DEFAULT),
                List.of(new ServedModel(NAME, model.spec(), tokenizer,
                        Optional.of(ChatTemplate.compile(TinyModels.CHAT_TEMPLATE)), engine,
                        context, "cpu", Instant.now(), Licence.of("mit"))),
                List.of(), Optional.empty(), METER, BudgetGate.open(), KeyRing.empty(),
                Optional.empty(),
                Optional.empty(),
                new PrometheusMeterRegistry(PrometheusConfig.DEFAULT));
        url = "http://localhost:" + server.start();
    }

    @AfterAll
    static void stop() {
        server.stop(Duration.ofSeconds(5));
        engine.close();
        pass.close();
        pool.close();
        model.close();
    }

    private static String post(String path, String json) throws Exception {
        try (HttpClient client = HttpClient.newHttpClient()) {
            return client.send(HttpRequest.newBuilder(URI.create(url + path))
                    .header("Content-Type", "application/json")
                    .POST(BodyPublishers.ofString(json)).build(), BodyHandlers.ofString()).body();
        }
    }

    @Test
    void aGreedyCompletionIsTheOneThatLlamaCppGives() throws Exception {
        String body = post(Chat.COMPLETIONS, Chat.completion("\"Once upon a time\"",
                "\"temperature\": 0, \"max_tokens\": 38, \"stop\": \" It was the sun\""));

        JsonNode answer = new JsonMapper().readTree(body);
        assertThat(answer.at("/choices/0/text").stringValue()).startsWith(STORY);
        assertThat(answer.at("/usage/prompt_tokens").intValue()).isEqualTo(5);
    }

    @Test
    void aTrainedModelKeepsToASchema() throws Exception {
        String body = post(Chat.COMPLETIONS, Chat.completion("\"Once upon a time\"", """
                "temperature": 1.2, "seed": 5, "max_tokens": 120, "n": 2,
                "response_format": {"type": "json_schema", "json_schema": {"name": "tale",
                  "strict": true, "schema": {"type": "object", "properties": {
                    "hero": {"type": "string", "maxLength": 12},
                    "age": {"type": "integer", "minimum": 3, "maximum": 12},
                    "mood": {"enum": ["glad", "sad"]}},
                  "required": ["hero", "age", "mood"], "additionalProperties": false}}}"""));

        for (JsonNode choice : new JsonMapper().readTree(body).get("choices").values()) {
            assertThat(choice.get("finish_reason").stringValue()).as(body).isEqualTo("stop");
            JsonNode tale = new JsonMapper().readTree(choice.get("text").stringValue());
            assertThat(tale.propertyNames()).containsExactly("hero", "age", "mood");
            assertThat(tale.get("hero").stringValue()).hasSizeLessThanOrEqualTo(12);
            assertThat(tale.get("age").intValue()).isBetween(3, 12);
            assertThat(tale.get("mood").stringValue()).isIn("glad", "sad");
        }
    }

    @Test
    void theOfficialClientWorksUnchangedOnATrainedModel() throws Exception {
        Assumptions.assumeTrue(NodeClient.isPossible(), "node and npm are on the path");
        CLIENT.install();

        NodeClient.Output output = CLIENT.run("clients.mjs",
                "{\"url\": \"" + url + "\", \"model\": \"" + NAME + "\"}", "openai");

        assertThat(output.exitCode()).as(output.text()).isZero();
    }
}
