package dev.millrace.server.batches;

import dev.millrace.engine.fixtures.NextToken;
import dev.millrace.engine.fixtures.ScriptedForwardPass;
import dev.millrace.server.fixtures.Chat;
import dev.millrace.server.fixtures.LiveServer;
import dev.millrace.server.fixtures.Rows;
import dev.millrace.server.fixtures.TestStorage;
import dev.millrace.server.fixtures.Upload;
import dev.millrace.server.metering.MeteredRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;

import static org.assertj.core.api.Assertions.*;

/** {@code /v1/batches} over HTTP. */
@Timeout(300)
class BatchesTest {

    private static final List<String> ENDS = List.of("completed", "failed", "cancelled",
            "expired");

    @TempDir
    static Path folder;

    private static TestStorage storage;
    private static LiveServer server;

    @BeforeAll
    static void start() {
        storage = new TestStorage(folder);
        server = LiveServer.with(new ScriptedForwardPass(NextToken.answer("Zoë")))
                .storage(storage.storage()).start();
    }

    @AfterAll
    static void stop() {
        server.close();
        storage.close();
    }

    static String upload(LiveServer server, String content) throws Exception {
        HttpResponse<String> file = server.send(Upload.batch(server.uri("/"), content));
        assertThat(file.statusCode()).as(file.body()).isEqualTo(200);
        return LiveServer.json(file.body()).get("id").stringValue();
    }

    static String request(String fileId, String endpoint, String more) {
        return "{\"input_file_id\": \"" + fileId + "\", \"endpoint\": \"" + endpoint
                + "\", \"completion_window\": \"24h\"" + more + "}";
    }

    static String begin(LiveServer server, String content, String endpoint) throws Exception {
        JsonNode batch = server.answer("/v1/batches",
                request(upload(server, content), endpoint, ""));
        assertThat(batch.path("status").stringValue("")).as(batch.toString())
                .isEqualTo("validating");
        return batch.get("id").stringValue();
    }

    static JsonNode batch(LiveServer server, String id) throws Exception {
        return LiveServer.json(server.get("/v1/batches/" + id).body());
    }

    static JsonNode ended(LiveServer server, String id) {
        return Awaitility.await().pollInterval(Duration.ofMillis(20)).until(
                () -> batch(server, id),
                batch -> ENDS.contains(batch.get("status").stringValue()));
    }

    /** A file's lines by their custom ids; no id twice. */
    static Map<String, JsonNode> results(LiveServer server, JsonNode batch, String field)
            throws Exception {
        Map<String, JsonNode> lines = new TreeMap<>();
        if (batch.has(field)) {
            String content = server.get("/v1/files/" + batch.get(field).stringValue()
                    + "/content").body();
            assertThat(content).endsWith("\n");
            for (String text : content.split("\n")) {
                JsonNode line = LiveServer.json(text);
                assertThat(lines.put(line.get("custom_id").stringValue(), line)).isNull();
            }
        }
        return lines;
    }

    @Test
    void everyRowIsAnsweredAsALiveRequestIsAndBilledOnce() throws Exception {
        int before = server.meter().opened().size();
        JsonNode batch = ended(server, begin(server, Rows.chats(5, "\"seed\": 1")
                + Rows.row("broken", Chat.PATH, Chat.body("\"temperature\": 9")), Chat.PATH));

        assertThat(batch.get("status").stringValue()).as(batch.toString()).isEqualTo("completed");
        assertThat(batch.get("request_counts").toString())
                .isEqualTo("{\"total\":6,\"completed\":5,\"failed\":1}");
        assertThat(batch.get("model").stringValue()).isEqualTo(LiveServer.MODEL);
        Map<String, JsonNode> answers = results(server, batch, "output_file_id");
        assertThat(answers).containsOnlyKeys("row-0", "row-1", "row-2", "row-3", "row-4");
        JsonNode live = server.answer(Chat.PATH, Chat.body("\"seed\": 1"));
        JsonNode line = answers.get("row-3");
        assertThat(line.get("id").stringValue()).startsWith("batch_req_");
        assertThat(line.at("/response/status_code").intValue()).isEqualTo(200);
        assertThat(line.get("error").isNull()).isTrue();
        JsonNode body = line.at("/response/body");
        assertThat(body.get("choices")).isEqualTo(live.get("choices"));
        assertThat(body.get("service_tier").stringValue()).isEqualTo("flex");
        long nanoUsd = body.at("/usage/cost_details/nano_usd").longValue();
        assertThat(body.at("/usage/cost_details/batch_price_nano_usd").longValue())
                .isEqualTo(nanoUsd / 2).isPositive();

        JsonNode error = results(server, batch, "error_file_id").get("broken");
        assertThat(error.at("/response/status_code").intValue()).isEqualTo(400);
        assertThat(error.at("/response/body/error/param").stringValue()).isEqualTo("temperature");

        List<MeteredRequest> rows = server.meter().opened().subList(before, before + 5);
        assertThat(rows).allMatch(row -> row.endpoint().equals("/v1/batches"))
                .extracting(MeteredRequest::requestId).doesNotHaveDuplicates()
                .containsExactlyInAnyOrderElementsOf(answers.values().stream()
                        .map(one -> one.at("/response/body/id").stringValue()).toList());
        assertThat(batch.at("/usage/cost_details/nano_usd").longValue()).isEqualTo(5 * nanoUsd);
        assertThat(batch.at("/usage/output_tokens").intValue())
                .isEqualTo(5 * body.at("/usage/completion_tokens").intValue());
        assertThat(server.meter().openAccounts()).isZero();
    }

    @Test
    void otherEndpointsRunToo() throws Exception {
        JsonNode completions = ended(server, begin(server, Rows.row("a", Chat.COMPLETIONS,
                Chat.completion("\"x\"", "")), Chat.COMPLETIONS));
        JsonNode embeddings = ended(server, begin(server, Rows.row("b", "/v1/embeddings",
                "{\"model\":\"" + LiveServer.EMBEDDER + "\",\"input\":\"mill\"}"),
                "/v1/embeddings"));

        JsonNode responses = ended(server, begin(server, Rows.row("c", "/v1/responses",
                "{\"model\":\"" + LiveServer.MODEL + "\",\"input\":\"mill\"}"),
                "/v1/responses"));

        assertThat(results(server, responses, "output_file_id").get("c")
                .at("/response/body/output/0/content/0/text").stringValue()).isEqualTo("Zoë");
        assertThat(responses.at("/usage/cost_details/nano_usd").longValue()).isPositive();
        assertThat(results(server, completions, "output_file_id").get("a")
                .at("/response/body/object").stringValue()).isEqualTo("text_completion");
        assertThat(results(server, embeddings, "output_file_id").get("b")
                .at("/response/body/data")).hasSize(1);
        assertThat(embeddings.at("/usage/total_tokens").intValue()).isPositive();
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
        "no json | invalid_json_line | null",
        "[1] | invalid_json_line | null",
        "{'custom_id': 'a', 'method': 'GET', 'url': URL, 'body': BODY} | invalid_method | method",
        "{'custom_id': 'a', 'method': 'POST', 'url': '/v1/x', 'body': BODY} | invalid_url | url",
        "{'method': 'POST', 'url': URL, 'body': BODY} | missing_required_parameter | custom_id",
        "{'custom_id': 'a', 'method': 'POST', 'url': URL} | missing_required_parameter | body",
        "{'custom_id': 'a', 'method': 'POST', 'url': URL, 'body': {}} "
                + "| missing_required_parameter | body.model",
        "{'custom_id': 'row-0', 'method': 'POST', 'url': URL, 'body': BODY} "
                + "| duplicate_custom_id | custom_id",
        "{'custom_id': 'a', 'method': 'POST', 'url': URL, 'body': {'model': 'other'}} "
                + "| mismatched_model | body.model"})
    void aRowThatIsNoneFailsTheBatchByItsLine(String row, String code, String param)
            throws Exception {
        JsonNode batch = ended(server, begin(server, Rows.chats(1, "") + "\n"
                + row.replace("URL", "'" + Chat.PATH + "'").replace("BODY", Chat.body(""))
                        .replace('\'', '"'),
                Chat.PATH));

        assertThat(batch.get("status").stringValue()).isEqualTo("failed");
        assertThat(batch.has("failed_at")).isTrue();
        assertThat(batch.has("output_file_id")).isFalse();
        JsonNode error = batch.at("/errors/data/0");
        assertThat(error.get("code").stringValue()).as(batch.toString()).isEqualTo(code);
        assertThat(error.get("line").intValue()).isEqualTo(3);
        assertThat(error.get("param").stringValue("null")).isEqualTo(param);
    }

    @Test
    void aFileWithoutRowsAndOneForAnUnknownModelFail() throws Exception {
        assertThat(ended(server, begin(server, "\n\n", Chat.PATH)).at("/errors/data/0/code")
                .stringValue()).isEqualTo("empty_file");
        assertThat(ended(server, begin(server, Rows.row("a", Chat.PATH, "{\"model\": \"none\"}"),
                Chat.PATH)).at("/errors/data/0/code").stringValue()).isEqualTo("model_not_found");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
        "endpoint | '/v1/moderations'", "completion_window | '1h'", "completion_window | 24",
        "metadata | {'a': 5}", "metadata | 'x'", "input_file_id | 'file-none'",
        "output_expires_after | {'anchor': 'created_at', 'seconds': 5}",
        "output_expires_after | {'anchor': 'now', 'seconds': 3600}"})
    void whatIsNoBatchIsRefusedByItsField(String field, String value) throws Exception {
        String body = request(upload(server, "{}"), Chat.PATH, "").replace("}", "")
                .replaceAll(",? ?\"" + field + "\": \"[^\"]*\"", "").replace("{,", "{");
        HttpResponse<String> response = server.post("/v1/batches", body + ", \"" + field + "\": "
                + value.replace('\'', '"') + "}");

        assertThat(response.statusCode()).as(response.body()).isIn(400, 404);
        assertThat(LiveServer.json(response.body()).at("/error/param").stringValue())
                .startsWith(field);
    }

    @Test
    void rowsNeitherStreamNorChooseTheirTier() throws Exception {
        JsonNode batch = ended(server, begin(server, Rows.row("stream", Chat.PATH,
                Chat.body("\"stream\": true"))
                + Rows.row("tier", Chat.PATH,
                        Chat.body("\"service_tier\": \"priority\"")),
                Chat.PATH));

        Map<String, JsonNode> errors = results(server, batch, "error_file_id");
        for (String field : List.of("stream", "tier")) {
            assertThat(errors.get(field).at("/response/body/error/param").stringValue())
                    .contains(field);
        }
    }

    @Test
    void batchesAreListedNewestFirstInPages() throws Exception {
        String first = begin(server, Rows.chats(1, ""), Chat.PATH);
        storage.ahead(Duration.ofSeconds(1));
        String second = begin(server, Rows.chats(1, ""), Chat.PATH);
        storage.ahead(Duration.ZERO);

        JsonNode page = LiveServer.json(server.get("/v1/batches?limit=1").body());
        assertThat(page.get("last_id").stringValue()).isEqualTo(second);
        assertThat(page.get("has_more").booleanValue()).isTrue();
        page = LiveServer.json(server.get("/v1/batches?limit=1&after=" + second).body());
        assertThat(page.at("/data/0/id").stringValue()).isEqualTo(first);
        assertThat(server.get("/v1/batches/batch_none").statusCode()).isEqualTo(404);
        assertThat(server.post("/v1/batches/batch_none/cancel", "").statusCode()).isEqualTo(404);
        ended(server, first);
        ended(server, second);
        assertThat(server.post("/v1/batches/" + first + "/cancel", "").statusCode())
                .isEqualTo(409);
    }

    @Test
    void resultsLiveAsLongAsWasAskedAndMetadataIsKept() throws Exception {
        String id = server.answer("/v1/batches", request(upload(server, Rows.chats(1, "")),
                Chat.PATH, ", \"metadata\": {\"job\": \"7\"}, \"output_expires_after\": "
                        + "{\"anchor\": \"created_at\", \"seconds\": 3600}"))
                .get("id").stringValue();
        JsonNode batch = ended(server, id);
        JsonNode file = LiveServer.json(server.get("/v1/files/"
                + batch.get("output_file_id").stringValue()).body());

        assertThat(batch.get("metadata").toString()).isEqualTo("{\"job\":\"7\"}");
        assertThat(file.get("expires_at").longValue() - file.get("created_at").longValue())
                .isEqualTo(3600);
        assertThat(file.get("purpose").stringValue()).isEqualTo("batch_output");
    }
}
