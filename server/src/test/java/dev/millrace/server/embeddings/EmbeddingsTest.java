package dev.millrace.server.embeddings;

import dev.millrace.engine.FinishReason;
import dev.millrace.engine.fixtures.FakeTokenizer;
import dev.millrace.server.fixtures.LiveServer;
import dev.millrace.server.fixtures.RawClient;
import dev.millrace.server.fixtures.RecordingMeter;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Base64;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

import static org.assertj.core.api.Assertions.*;

@Timeout(300)
class EmbeddingsTest {

    private static final String PATH = "/v1/embeddings";

    private static final LiveServer server = LiveServer.saying("x");

    @AfterAll
    static void stop() {
        server.close();
    }

    /** What the ledger would have of everything that ended. */
    private static int ended() {
        return server.meter().finished().size() + server.meter().refused().size();
    }

    private static String body(String input, String more) {
        return "{\"model\":\"" + LiveServer.EMBEDDER + "\",\"input\":" + input
                + (more.isEmpty() ? "" : "," + more) + "}";
    }

    private static JsonNode embed(String input, String more) throws Exception {
        return server.answer(PATH, body(input, more));
    }

    @Test
    void textsBecomeVectorsInTheirOrder() throws Exception {
        JsonNode answer = embed("[\"mill\", \"race\", \"mill\"]", "");

        assertThat(answer.at("/object").stringValue()).isEqualTo("list");
        assertThat(answer.at("/model").stringValue()).isEqualTo(LiveServer.EMBEDDER);
        assertThat(ScriptedVectors.in(answer, 0)).usingComparatorWithPrecision(1e-6f)
                .containsExactly(ScriptedVectors.of("mill"));
        assertThat(ScriptedVectors.in(answer, 1)).usingComparatorWithPrecision(1e-6f)
                .containsExactly(ScriptedVectors.of("race"));
        assertThat(ScriptedVectors.in(answer, 2)).isEqualTo(ScriptedVectors.in(answer, 0));
        assertThat(answer.at("/data/2/index").intValue()).isEqualTo(2);
        assertThat(answer.at("/data/2/object").stringValue()).isEqualTo("embedding");
    }

    @Test
    void oneTextTokensAndListsOfTokensAreTheSame() throws Exception {
        float[] text = ScriptedVectors.in(embed("\"a\"", ""), 0);
        String ids = "[0," + (FakeTokenizer.FIRST_BYTE + 'a') + "]";

        assertThat(ScriptedVectors.in(embed(ids, ""), 0)).isEqualTo(text);
        assertThat(ScriptedVectors.in(embed("[" + ids + "]", ""), 0)).isEqualTo(text);
    }

    @Test
    void base64IsTheSameFloatsLeastSignificantByteFirst() throws Exception {
        float[] plain = ScriptedVectors.in(embed("\"mill\"", ""), 0);
        byte[] bytes = Base64.getDecoder().decode(embed("\"mill\"",
                "\"encoding_format\":\"base64\"").at("/data/0/embedding").stringValue());

        float[] packed = new float[bytes.length / Float.BYTES];
        ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(packed);
        assertThat(packed).isEqualTo(plain);
    }

    @Test
    void fewerDimensionsAreTheFirstOnesAtLengthOne() throws Exception {
        float[] whole = ScriptedVectors.in(embed("\"millrace\"", ""), 0);
        float[] cut = ScriptedVectors.in(embed("\"millrace\"", "\"dimensions\":3"), 0);

        assertThat(cut).hasSize(3);
        assertThat(cut[0] * cut[0] + cut[1] * cut[1] + cut[2] * cut[2]).isCloseTo(1, within(1e-6f));
        assertThat(cut[0] * whole[1]).isCloseTo(cut[1] * whole[0], within(1e-6f));
    }

    @Test
    void usageAndCostAreTheLedgers() throws Exception {
        JsonNode usage = embed("[\"mill\", \"a\"]", "").get("usage");

        assertThat(usage.get("prompt_tokens").intValue()).isEqualTo(7);
        assertThat(usage.get("total_tokens").intValue()).isEqualTo(7);
        assertThat(usage.at("/cost_details/nano_usd").longValue())
                .isEqualTo(7 * RecordingMeter.PROMPT_NANO_USD);
        assertThat(server.meter().opened().getLast().endpoint()).isEqualTo(PATH);
        assertThat(server.meter().openAccounts()).isZero();
        assertThat(server.get("/metrics").body())
                .contains("vllm:prompt_tokens_total{engine=\"0\",model_name=\"scripted-embedder\"}",
                        "millrace_embedding_latency_seconds_count");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {"\"\" | input", "[] | input", "[[]] | input[0]",
        "[\"a\", \"\"] | input[1]", "[\"a\", 5] | input[1]", "{} | input", "[-1] | input",
        "[9999] | input", "[1.5] | input", "null | input"})
    void inputThatIsNoneIsRefusedByName(String input, String param) throws Exception {
        int opened = server.meter().opened().size();
        HttpResponse<String> refused = server.post(PATH, body(input, ""));

        assertThat(refused.statusCode()).isEqualTo(400);
        assertThat(LiveServer.json(refused.body()).at("/error/param").stringValue())
                .isEqualTo(param);
        assertThat(server.meter().opened()).hasSize(opened);
    }

    @ParameterizedTest
    @ValueSource(strings = {"\"dimensions\":0", "\"dimensions\":9", "\"dimensions\":\"4\"",
        "\"encoding_format\":\"int8\"", "\"truncate_prompt_tokens\":5"})
    void parametersBeyondTheirBoundsAreRefused(String more) throws Exception {
        HttpResponse<String> refused = server.post(PATH, body("\"a\"", more));

        assertThat(refused.statusCode()).isEqualTo(400);
        assertThat(more).contains(
                LiveServer.json(refused.body()).at("/error/param").stringValue());
    }

    @Test
    void aTextBeyondTheContextIsRefusedWithBothCounts() throws Exception {
        HttpResponse<String> refused = server.post(PATH,
                body("\"" + "a".repeat(LiveServer.EMBEDDER_TOKENS) + "\"", ""));

        assertThat(refused.statusCode()).isEqualTo(400);
        assertThat(refused.body()).contains("context_length_exceeded", "has 65 tokens",
                "at most 64");
    }

    @Test
    void moreThanTheQueueTakesIsRefusedAndItsAccountClosed() throws Exception {
        String text = "\"" + "a".repeat(60) + "\"";
        HttpResponse<String> refused = server.post(PATH,
                body("[" + (text + ",").repeat(16) + text + "]", ""));

        assertThat(refused.statusCode()).isEqualTo(400);
        assertThat(refused.body()).contains("send them in several requests");
        assertThat(server.meter().refused()).isNotEmpty();
        assertThat(ended()).isEqualTo(server.meter().opened().size());
    }

    @Test
    void modelsAreAskedForWhatTheyDo() throws Exception {
        assertThat(server.post("/v1/completions", "{\"model\":\"scripted-embedder\","
                + "\"prompt\":\"a\"}").body()).contains("wrong_kind_of_model", "serves scripted");
        assertThat(server.post(PATH, "{\"model\":\"none\",\"input\":\"a\"}").statusCode())
                .isEqualTo(404);
    }

    @Test
    void aClientThatLeavesCancelsItsRequest() throws Exception {
        try (LiveServer held = LiveServer.saying("x")) {
            held.encoder().held();
            try (RawClient client = new RawClient(held.port())) {
                client.post(PATH, body("[" + "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\","
                        .repeat(9) + "\"b\"]", ""));
                Awaitility.await().until(() -> held.meter().openAccounts() == 1);
            }
            Awaitility.await().untilAsserted(() -> {
                held.encoder().allow(1);
                assertThat(held.meter().finished()).extracting(end -> end.reason())
                        .containsExactly(FinishReason.CANCELLED);
            });
        }
    }

    @Test
    void documentsAreRankedByTheirLikenessToTheQuery() throws Exception {
        String documents = "\"documents\":[\"zzzz\",{\"text\":\"mill\"},\"milk\"]";
        JsonNode answer = server.answer("/v1/rerank", "{\"model\":\"scripted-embedder\","
                + "\"query\":\"mill\"," + documents + ",\"top_n\":2}");

        assertThat(answer.get("results")).hasSize(2);
        assertThat(answer.at("/results/0/index").intValue()).isEqualTo(1);
        assertThat(answer.at("/results/0/relevance_score").doubleValue()).isCloseTo(1,
                within(1e-6));
        assertThat(answer.at("/results/0/document/text").stringValue()).isEqualTo("mill");
        assertThat(answer.at("/results/1/index").intValue()).isEqualTo(2);
        assertThat(answer.at("/usage/total_tokens").intValue()).isEqualTo(20);
        assertThat(answer.at("/usage/cost").doubleValue()).isPositive();
        assertThat(server.meter().opened().getLast().endpoint()).isEqualTo("/v1/rerank");
    }

    @ParameterizedTest
    @ValueSource(strings = {"\"query\":\"a\"", "\"query\":\"a\",\"documents\":[]",
        "\"documents\":[\"a\"]", "\"query\":\"\",\"documents\":[\"a\"]",
        "\"query\":\"a\",\"documents\":[{\"title\":\"a\"}]",
        "\"query\":\"a\",\"documents\":[\"a\"],\"top_n\":0",
        "\"query\":\"a\",\"documents\":[\"a\"],\"max_chunks_per_doc\":2"})
    void aRankingThatCannotBeMadeIsRefused(String fields) throws Exception {
        assertThat(server.post("/v2/rerank", "{\"model\":\"scripted-embedder\"," + fields + "}")
                .statusCode()).isEqualTo(400);
    }
}
