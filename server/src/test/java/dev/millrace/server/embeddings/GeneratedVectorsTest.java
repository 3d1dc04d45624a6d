package dev.millrace.server.embeddings;

import dev.millrace.engine.fixtures.NextToken;
import dev.millrace.engine.fixtures.ScriptedForwardPass;
import dev.millrace.server.fixtures.LiveServer;
import dev.millrace.server.fixtures.RawClient;
import dev.millrace.server.fixtures.RecordingMeter;
import dev.millrace.server.metering.MeteredRequest;
import java.net.http.HttpResponse;
import java.util.List;
import java.util.concurrent.Semaphore;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import tools.jackson.databind.JsonNode;

import static org.assertj.core.api.Assertions.*;

/** Vectors over HTTP of a model that generates. */
@Timeout(300)
class GeneratedVectorsTest {

    private static final String PATH = "/v1/embeddings";
    private static final LiveServer server = LiveServer.saying("x");

    @AfterAll
    static void close() {
        server.close();
    }

    private static String body(String input) {
        return "{\"model\":\"scripted\",\"input\":" + input + "}";
    }

    @Test
    void textsBecomeVectorsOfLengthOneInTheirOrder() throws Exception {
        JsonNode answer = server.answer(PATH, body("[\"mill\", \"race\", \"mill\"]"));

        assertThat(answer.at("/model").stringValue()).isEqualTo(LiveServer.MODEL);
        assertThat(answer.get("data")).hasSize(3);
        assertThat(ScriptedVectors.in(answer, 0)).isEqualTo(ScriptedVectors.of("mill"))
                .isEqualTo(ScriptedVectors.in(answer, 2));
        assertThat(ScriptedVectors.in(answer, 1)).isEqualTo(ScriptedVectors.of("race"));
    }

    @Test
    void eachTextHasAnAccountAndTheAnswerTheirSum() throws Exception {
        int before = server.meter().opened().size();
        JsonNode usage = server.answer(PATH, body("[\"mill\", \"a\"]")).get("usage");
        List<MeteredRequest> opened = server.meter().opened();

        assertThat(usage.get("prompt_tokens").intValue()).isEqualTo(7);
        assertThat(usage.get("total_tokens").intValue()).isEqualTo(7);
        assertThat(usage.at("/cost_details/nano_usd").longValue())
                .isEqualTo(7 * RecordingMeter.PROMPT_NANO_USD);
        assertThat(opened).hasSize(before + 2);
        assertThat(opened.getLast().requestId())
                .isEqualTo(opened.get(before).requestId() + "-1");
        assertThat(opened.getLast().endpoint()).isEqualTo(PATH);
        assertThat(server.meter().openAccounts()).isZero();
        assertThat(server.get("/metrics").body())
                .contains("millrace_embedding_latency_seconds_count{model_name=\"scripted\"}");
    }

    @Test
    void aListLongerThanTheQueueIsEmbedded() throws Exception {
        JsonNode answer = server.answer(PATH, body("[" + "\"a\",".repeat(99) + "\"mill\"]"));

        assertThat(answer.get("data")).hasSize(100);
        assertThat(ScriptedVectors.in(answer, 99)).isEqualTo(ScriptedVectors.of("mill"));
    }

    @Test
    void aTextMayFillTheContextAndIsRefusedBeyondWithBothCounts() throws Exception {
        int most = LiveServer.CONTEXT_TOKENS;
        int opened = server.meter().opened().size();
        HttpResponse<String> refused = server.post(PATH, body("\"" + "a".repeat(most) + "\""));

        assertThat(refused.statusCode()).isEqualTo(400);
        assertThat(refused.body()).contains("context_length_exceeded",
                "has " + (most + 1) + " tokens", "at most " + most);
        assertThat(server.meter().opened()).hasSize(opened);
        assertThat(server.answer(PATH, body("\"" + "a".repeat(most - 1) + "\""))
                .at("/usage/prompt_tokens").intValue()).isEqualTo(most);
    }

    @Test
    void documentsAreRanked() throws Exception {
        JsonNode answer = server.answer("/v1/rerank", "{\"model\":\"scripted\","
                + "\"query\":\"mill\",\"documents\":[\"zzzz\",\"mill\"]}");

        assertThat(answer.at("/results/0/index").intValue()).isEqualTo(1);
        assertThat(answer.at("/results/0/relevance_score").doubleValue()).isCloseTo(1,
                within(1e-6));
    }

    @Test
    void ollamasClientsGetThemToo() throws Exception {
        JsonNode answer = server.answer("/api/embed",
                "{\"model\":\"scripted\",\"input\":[\"mill\"]}");

        assertThat(ScriptedVectors.in(answer.at("/embeddings/0")))
                .isEqualTo(ScriptedVectors.of("mill"));
    }

    @Test
    void anotherPoolingIsRefusedByName() throws Exception {
        try (LiveServer other = LiveServer.with(new ScriptedForwardPass(NextToken.answer("x")))
                .withoutVectors("script.pooling_type is 1 (the mean)").start()) {
            HttpResponse<String> refused = other.post(PATH, body("\"a\""));

            assertThat(refused.statusCode()).isEqualTo(400);
            assertThat(refused.body()).contains("unsupported_pooling",
                    "script.pooling_type is 1 (the mean)");
            assertThat(other.meter().opened()).isEmpty();
        }
    }

    /** One step at a time, of the hundreds that all texts would take. */
    @Test
    void aClientThatLeavesCancelsWhatIsLeft() throws Exception {
        Semaphore steps = new Semaphore(0);
        String text = "\"" + "a".repeat(500) + "\"";
        try (LiveServer held = LiveServer.with(new ScriptedForwardPass(NextToken.answer("x"))
                .failWhen(batch -> {
                    steps.acquireUninterruptibly();
                    return false;
                })).start()) {
            try (RawClient client = new RawClient(held.port())) {
                client.post(PATH, body("[" + (text + ",").repeat(799) + text + "]"));
                Awaitility.await().until(() -> held.meter().openAccounts() == 8);
            }
            Awaitility.await().untilAsserted(() -> {
                steps.release();
                assertThat(held.meter().openAccounts()).isZero();
            });
            assertThat(held.meter().opened().size()).isLessThan(800)
                    .isEqualTo(held.meter().finished().size());
            steps.release(10_000);
        }
    }
}
