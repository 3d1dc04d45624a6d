package dev.millrace.server.wiring;

import dev.millrace.engine.fixtures.NextToken;
import dev.millrace.engine.fixtures.ScriptedForwardPass;
import dev.millrace.models.ModelException;
import dev.millrace.models.fixtures.LoraDirectory;
import dev.millrace.models.fixtures.TinyModels;
import dev.millrace.server.config.ServerConfig;
import dev.millrace.server.config.Setting;
import dev.millrace.server.fixtures.LiveServer;
import dev.millrace.server.metering.LedgerReader;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
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

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

/** Adapters over HTTP: chosen by the model's name, loaded and unloaded while the server runs. */
@Timeout(60)
class AdapterServingTest {

    @TempDir
    Path folder;

    private final Map<Setting, String> flags = new EnumMap<>(Setting.class);
    private final HttpClient client = HttpClient.newHttpClient();
    private ServingAssembly server;
    private Path model;
    private Path one;
    private Path other;

    @BeforeEach
    void writeTinyModel() {
        model = TinyModels.llama().write(folder);
        one = LoraDirectory.ofTinyLlama(1).write(folder.resolve("one"));
        other = LoraDirectory.ofTinyLlama(2).write(folder.resolve("other"));
        flags.put(Setting.PORT, "0");
        flags.put(Setting.SEQUENCES, "2");
        flags.put(Setting.THREADS, "1");
        flags.put(Setting.LORA, "one=" + one + ",other=" + other);
    }

    @AfterEach
    void stop() {
        client.shutdownNow();
        if (server != null) {
            server.stop(Duration.ofSeconds(20));
        }
    }

    private void start() {
        ServerConfig config = ServerConfig.load(Map.of(), folder, Optional.empty(), flags);
        server = new ServingAssembly("tiny", model, Optional.empty(), config,
                folder.resolve("ledger.db"), Duration.ZERO);
    }

    private record Reply(int status, JsonNode body) {

        String text() {
            return body.at("/choices/0/text").asString();
        }

        String error() {
            return body.at("/error/code").asString() + ": " + body.at("/error/message").asString();
        }
    }

    private Reply post(String path, String json) throws Exception {
        return send(HttpRequest.newBuilder(uri(path)).header("Content-Type", "application/json")
                .POST(BodyPublishers.ofString(json)).build());
    }

    private Reply send(HttpRequest request) throws Exception {
        var response = client.send(request, BodyHandlers.ofString());
        return new Reply(response.statusCode(), JsonMapper.shared().readTree(response.body()));
    }

    private URI uri(String path) {
        return URI.create("http://127.0.0.1:" + server.port() + path);
    }

    private Reply complete(String id) throws Exception {
        return post("/v1/completions", """
                {"model": "%s", "prompt": "%s", "max_tokens": 12, "temperature": 0}"""
                .formatted(id, "the hand of the man and the hand of the other man ".repeat(3)));
    }

    private Reply load(String name, Path path) throws Exception {
        return post("/v1/load_lora_adapter", """
                {"lora_name": "%s", "lora_path": "%s"}""".formatted(name, path));
    }

    private Reply unload(String name) throws Exception {
        return post("/v1/unload_lora_adapter", "{\"lora_name\": \"" + name + "\"}");
    }

    private List<String> ids() throws Exception {
        return send(HttpRequest.newBuilder(uri("/v1/models")).build()).body.get("data")
                .valueStream().map(each -> each.get("id").asString()).toList();
    }

    @Test
    void anAdapterThatGoesWhileARequestIsReadIsAModelThatDoesNotExist() throws Exception {
        try (LiveServer racing = LiveServer.with(new ScriptedForwardPass(NextToken.letters()))
                .unloadedAdapter("gone").start()) {
            JsonNode error = racing.answer("/v1/completions", """
                    {"model": "scripted:gone", "prompt": "a", "max_tokens": 1}""").get("error");

            assertThat(error.get("code").asString()).isEqualTo("model_not_found");
            assertThat(error.get("message").asString()).contains("just been unloaded");
            assertThat(racing.meter().finished()).isEmpty();
        }
    }

    @Test
    void aRequestChoosesItsAdapterByTheModelsName() throws Exception {
        start();

        List<Reply> replies = List.of(complete("tiny"), complete("tiny:one"),
                complete("tiny:other"));

        assertThat(replies).extracting(Reply::text).doesNotHaveDuplicates();
        assertThat(complete("tiny:one").text()).isEqualTo(replies.get(1).text());
        assertThat(complete("tiny").text()).isEqualTo(replies.get(0).text());
        assertThat(replies.get(1).body.get("model").asString()).isEqualTo("tiny:one");
        assertThat(ids()).containsExactly("tiny", "tiny:one", "tiny:other");
        Reply described = send(HttpRequest.newBuilder(uri("/v1/models/tiny:one")).build());
        assertThat(described.body.get("parent").asString()).isEqualTo("tiny");
        Reply unknown = complete("tiny:nobody");
        assertThat(unknown.status).isEqualTo(404);
        assertThat(unknown.error()).startsWith("model_not_found")
                .contains("tiny, tiny:one, tiny:other");
        server.stop(Duration.ofSeconds(20));
        try (LedgerReader reader = LedgerReader.open(server.ledger())) {
            assertThat(reader.summary().balance().balances()).isTrue();
            assertThat(reader.summary().requests()).isEqualTo(5);
        }
        server = null;
    }

    /** What one adapter has computed of a prompt is nothing to another. */
    @Test
    void cachedPrefixesAreSharedByRequestsOfOneAdapterOnly() throws Exception {
        start();
        for (String id : List.of("tiny", "tiny:one", "tiny:other")) {
            assertThat(cachedTokens(complete(id))).as(id).isZero();
        }
        for (String id : List.of("tiny", "tiny:one", "tiny:other")) {
            assertThat(cachedTokens(complete(id))).as(id).isPositive();
        }
    }

    private static int cachedTokens(Reply reply) {
        return reply.body.at("/usage/prompt_tokens_details/cached_tokens").asInt(-1);
    }

    @Test
    void adaptersComeAndGoWhileTheServerRuns() throws Exception {
        flags.put(Setting.LORA, "one=" + one);
        flags.put(Setting.LORA_UPDATES, "on");
        start();
        String before = complete("tiny:one").text();

        assertThat(complete("tiny:other").status).isEqualTo(404);
        assertThat(load("other", other).body.get("id").asString()).isEqualTo("tiny:other");
        String loaded = complete("tiny:other").text();
        assertThat(loaded).isNotEqualTo(before);
        assertThat(load("other", other).error()).contains("loaded already");
        assertThat(unload("one").body.get("deleted").booleanValue()).isTrue();
        assertThat(ids()).containsExactly("tiny", "tiny:other");
        assertThat(complete("tiny:one").status).isEqualTo(404);
        assertThat(unload("one").error()).startsWith("model_not_found")
                .contains("tiny, tiny:other");
        // Another adapter under the old name starts with nothing that the old one cached.
        assertThat(load("one", other).status).isEqualTo(200);
        Reply renamed = complete("tiny:one");
        assertThat(renamed.text()).isEqualTo(loaded);
        assertThat(cachedTokens(renamed)).isZero();
    }

    @Test
    void adaptersThatCannotBeLoadedAreRefusedWithAReason() throws Exception {
        flags.put(Setting.LORA_UPDATES, "on");
        start();
        Path misfit = LoraDirectory.ofRank(2, 1).module("model.layers.0.self_attn.q_proj", 32, 32)
                .write(folder.resolve("misfit"));

        assertThat(load("misfit", misfit).error()).contains("made for another base model");
        assertThat(load("nothing", folder.resolve("nothing")).error()).contains("nothing");
        assertThat(load("a:b", other).error()).contains("an adapter's name must be");
        assertThat(load("bad", Path.of("/")).status).isEqualTo(400);
        assertThat(post("/v1/load_lora_adapter", "{\"lora_name\": \"x\"}").error())
                .contains("lora_path is required");
        assertThat(ids()).hasSize(3);
    }

    @Test
    void clientsLoadNothingUnlessTheOperatorAllowsIt() throws Exception {
        start();
        assertThat(load("more", other).status).isEqualTo(403);
        assertThat(unload("one").error()).startsWith("lora_updates_off");
        assertThat(ids()).hasSize(3);
    }

    @Test
    void aServerDoesNotStartWithAnAdapterOfAnotherModel() {
        Path misfit = LoraDirectory.ofRank(2, 1).module("model.layers.7.mlp.up_proj", 32, 32)
                .write(folder.resolve("misfit"));
        flags.put(Setting.LORA, "misfit=" + misfit);
        assertThatExceptionOfType(ModelException.class).isThrownBy(this::start)
                .withMessageContaining("made for another base model");
    }
}
