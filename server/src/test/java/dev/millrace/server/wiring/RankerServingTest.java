package dev.millrace.server.wiring;

import dev.millrace.server.config.ServerConfig;
import dev.millrace.server.config.Setting;
import dev.millrace.server.fixtures.RankerFixture;
import dev.millrace.server.metering.LedgerReader;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

import static org.assertj.core.api.Assertions.*;

/** Random cross-encoders behind {@code /v1/rerank}, held to what transformers computes. */
class RankerServingTest {

    @TempDir
    Path folder;

    private ServingAssembly server;

    private ServingAssembly start(String ledger, Path... models) {
        ServerConfig config = ServerConfig.load(Map.of(), folder, Optional.empty(),
                Map.of(Setting.PORT, "0", Setting.SEQUENCES, "2", Setting.THREADS, "1"));
        return new ServingAssembly(List.of(models).stream()
                .map(path -> new ModelSource(path.getFileName().toString(), path,
                        Optional.empty()))
                .toList(), config, folder.resolve(ledger), Duration.ZERO);
    }

    @BeforeEach
    void startWithBoth() throws Exception {
        server = start("ledger.db", RankerFixture.write(folder, "bert"),
                RankerFixture.write(folder, "roberta"));
    }

    @AfterEach
    void stop() {
        assertThat(server.stop(Duration.ofSeconds(60))).isTrue();
    }

    private HttpResponse<String> post(String path, String body) throws Exception {
        try (HttpClient client = HttpClient.newHttpClient()) {
            return client.send(HttpRequest
                    .newBuilder(URI.create("http://127.0.0.1:" + server.port() + path))
                    .header("Content-Type", "application/json")
                    .POST(BodyPublishers.ofString(body)).build(), BodyHandlers.ofString());
        }
    }

    private static String rank(String family, String query, String document, String more) {
        return JsonMapper.shared().createObjectNode().put("model", "ranker-" + family)
                .put("query", query)
                .set("documents", JsonMapper.shared().createArrayNode().add(document).add("tea"))
                .toString().replace("}", more + "}");
    }

    @Test
    void scoresAreTransformersAsProbabilitiesOrRaw() throws Exception {
        for (String family : List.of("bert", "roberta")) {
            JsonNode golden = RankerFixture.golden(family).get(0);
            String query = golden.path("query").stringValue();
            String document = golden.path("document").stringValue();
            JsonNode raw = JsonMapper.shared().readTree(post("/v1/rerank",
                    rank(family, query, document, ",\"raw_scores\":true")).body());
            JsonNode answer = JsonMapper.shared().readTree(post("/v1/rerank",
                    rank(family, query, document, "")).body());

            double logit = score(raw, 0);
            assertThat(logit).isCloseTo(golden.path("logit").doubleValue(), within(1e-3));
            assertThat(score(raw, 1)).isCloseTo(
                    RankerFixture.golden(family).get(1).path("logit").doubleValue(),
                    within(1e-3));
            assertThat(score(answer, 0)).isCloseTo(1 / (1 + Math.exp(-logit)), within(1e-9));
            assertThat(answer.at("/results/0/relevance_score").doubleValue())
                    .isGreaterThan(answer.at("/results/1/relevance_score").doubleValue());
            assertThat(answer.at("/usage/cost").doubleValue()).isPositive();
        }
        try (LedgerReader reader = LedgerReader.open(server.ledger())) {
            assertThat(reader.summary().requests()).isEqualTo(4);
        }
    }

    private static double score(JsonNode answer, int index) {
        return answer.path("results").valueStream()
                .filter(result -> result.path("index").intValue() == index).findFirst()
                .orElseThrow().path("relevance_score").doubleValue();
    }

    @Test
    void whatItCannotDoIsRefusedInWords() throws Exception {
        HttpResponse<String> vectors = post("/v1/embeddings",
                "{\"model\":\"ranker-bert\",\"input\":\"mill\"}");
        assertThat(vectors.statusCode()).isEqualTo(400);
        assertThat(vectors.body()).contains("wrong_kind_of_model",
                "makes no vectors; this server serves no other");
        assertThat(post("/api/show", "{\"model\":\"ranker-roberta\"}").body())
                .contains("\"family\":\"roberta\"", "\"capabilities\":[]");
        assertThat(post("/v1/completions", "{\"model\":\"ranker-bert\",\"prompt\":\"a\"}").body())
                .contains("makes no text; this server serves no other");
        HttpResponse<String> longer = post("/v1/rerank",
                rank("bert", "the mill", "mill ".repeat(30), ""));
        assertThat(longer.statusCode()).isEqualTo(400);
        assertThat(longer.body()).contains("context_length_exceeded",
                "documents[0] has 35 tokens together with the query's 2", "at most 32");
        assertThat(post("/v1/rerank", rank("bert", "", "a", "")).body())
                .contains("query is empty");
    }

    @Test
    void modelsAreListedAsUnproven() throws Exception {
        try (HttpClient client = HttpClient.newHttpClient()) {
            assertThat(client.send(HttpRequest.newBuilder(URI.create("http://127.0.0.1:"
                    + server.port() + "/v1/models/ranker-bert")).build(),
                    BodyHandlers.ofString()).body())
                    .contains("\"unproven\":\"cross-encoders");
        }
    }

    @Test
    void aTokenizerThatDoesNotSayHowTextsArePairedStopsTheServer() throws Exception {
        Path tokenizer = folder.resolve("ranker-bert/tokenizer.json");
        Files.writeString(tokenizer, Files.readString(tokenizer)
                .replaceAll("\"pair\": ", "\"other\": "));

        assertThatThrownBy(() -> start("other.db",
                folder.resolve("ranker-bert")))
                .hasMessageContaining("does not say how two become one");
    }
}
