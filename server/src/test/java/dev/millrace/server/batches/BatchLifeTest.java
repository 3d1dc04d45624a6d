package dev.millrace.server.batches;

import dev.millrace.engine.EngineSettings;
import dev.millrace.engine.FinishedRequest;
import dev.millrace.engine.fixtures.NextToken;
import dev.millrace.engine.fixtures.ScriptedForwardPass;
import dev.millrace.server.fixtures.Chat;
import dev.millrace.server.fixtures.LiveServer;
import dev.millrace.server.fixtures.Rows;
import dev.millrace.server.fixtures.TestStorage;
import dev.millrace.server.metering.MeteredRequest;
import dev.millrace.server.store.FileStore;
import dev.millrace.server.store.IncomingFile;
import dev.millrace.server.store.StoredBatch;
import dev.millrace.server.tenants.ApiKey;
import dev.millrace.server.tenants.KeyRing;
import dev.millrace.server.tenants.KeyStore;
import dev.millrace.server.tenants.NewKey;
import dev.millrace.server.tenants.Role;
import java.net.http.HttpRequest;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

import static org.assertj.core.api.Assertions.*;

/** Batches that do not just run to their end. */
@Timeout(300)
class BatchLifeTest {

    /** Answers of 20 tokens, of which one row at a time has one every so often. */
    private static final String ROW = "\"max_tokens\": 20";
    private static final long SLOW_NANOS = 5_000_000;

    @TempDir
    Path folder;

    private TestStorage storage;
    private LiveServer server;
    private KeyRing keys = KeyRing.empty();

    @BeforeEach
    void open() {
        storage = new TestStorage(folder);
    }

    @AfterEach
    void close() {
        server.close();
        storage.close();
        keys.close();
    }

    private void start(long tokenNanos) {
        server = LiveServer.with(new ScriptedForwardPass(NextToken.letters()).takes(tokenNanos, 0))
                .settings(new EngineSettings(1, 1024, LiveServer.CONTEXT_TOKENS, 64, 16_384,
                        true))
                .keys(keys).storage(storage.storage()).start();
    }

    /** Another server over what one left, as after the end of a process. */
    private void restart(long tokenNanos) {
        server.close();
        storage.close();
        storage = new TestStorage(folder);
        start(tokenNanos);
    }

    private String begin(int rows) throws Exception {
        return BatchesTest.begin(server, Rows.chats(rows, ROW), Chat.PATH);
    }

    private void awaitRows(String id, int rows) {
        Awaitility.await().pollInterval(Duration.ofMillis(10))
                .until(() -> BatchesTest.batch(server, id).at("/request_counts/completed")
                        .intValue() >= rows);
    }

    private static List<String> ids(LiveServer server) {
        return server.meter().finished().stream().map(FinishedRequest::requestId).toList();
    }

    @Test
    void aRestartGoesOnAndNoRowHasTwoResults() throws Exception {
        start(SLOW_NANOS);
        String id = begin(8);
        awaitRows(id, 2);
        server.close();
        List<String> before = ids(server);
        restart(0);
        JsonNode batch = BatchesTest.ended(server, id);

        assertThat(batch.at("/request_counts/completed").intValue()).isEqualTo(8);
        Map<String, JsonNode> answers = BatchesTest.results(server, batch, "output_file_id");
        assertThat(answers).hasSize(8);
        List<String> after = ids(server);
        assertThat(before).doesNotContainAnyElementsOf(after);
        assertThat(Stream.concat(before.stream(), after.stream()))
                .containsAll(answers.values().stream()
                        .map(line -> line.at("/response/body/id").stringValue()).toList());
        assertThat(after).as("rows that had their results do not run again").hasSizeLessThan(7);
        assertThat(batch.at("/usage/output_tokens").intValue()).isEqualTo(8 * 20);
    }

    /** What a kill may leave: half of a line, and a line that nobody counted. */
    @Test
    void aLineThatWasCutShortRunsAgainAndAWholeOneDoesNot() throws Exception {
        start(SLOW_NANOS);
        String id = begin(3);
        awaitRows(id, 1);
        server.close();
        Path results = folder.resolve("ledger.db.files").resolve(storage.storage().batches()
                .unended().getFirst().outputFileId());
        String whole = Files.readString(results);
        Files.writeString(results, whole.substring(0, whole.indexOf('\n') + 1));
        Files.writeString(results, "{\"id\": \"batch_req_7\", \"custom_id\": \"row-2\", "
                + "\"response\": {\"status_code\": 200, \"body\": {}}, \"error\": null}\n{\"id\":",
                StandardOpenOption.APPEND);
        restart(0);
        Map<String, JsonNode> answers = BatchesTest.results(server,
                BatchesTest.ended(server, id), "output_file_id");

        assertThat(answers).hasSize(3);
        assertThat(answers.get("row-2").get("id").stringValue()).isEqualTo("batch_req_7");
        assertThat(ids(server)).hasSize(1);
    }

    @Test
    void aCancelledBatchHasWhatItHadAndSaysWhatDidNotRun() throws Exception {
        start(SLOW_NANOS);
        String id = begin(40);
        awaitRows(id, 1);
        JsonNode cancelling = LiveServer.json(
                server.post("/v1/batches/" + id + "/cancel", "").body());
        assertThat(cancelling.get("status").stringValue()).startsWith("cancel");
        JsonNode batch = BatchesTest.ended(server, id);

        assertThat(batch.get("status").stringValue()).isEqualTo("cancelled");
        assertThat(batch.has("cancelling_at") && batch.has("cancelled_at")).isTrue();
        Map<String, JsonNode> answers = BatchesTest.results(server, batch, "output_file_id");
        Map<String, JsonNode> errors = BatchesTest.results(server, batch, "error_file_id");
        assertThat(answers.size() + errors.size()).isEqualTo(40);
        assertThat(answers).isNotEmpty();
        assertThat(errors.values()).isNotEmpty().allMatch(line -> line.get("response").isNull()
                && line.at("/error/code").stringValue().equals("batch_cancelled"));
        Awaitility.await().until(() -> server.meter().openAccounts() == 0);
    }

    @Test
    void whatHasNotRunWhenTheWindowEndsDoesNotRun() throws Exception {
        start(SLOW_NANOS);
        String id = begin(40);
        awaitRows(id, 1);
        storage.ahead(Duration.ofHours(25));
        JsonNode batch = BatchesTest.ended(server, id);

        assertThat(batch.get("status").stringValue()).isEqualTo("expired");
        assertThat(BatchesTest.results(server, batch, "error_file_id").values())
                .anyMatch(line -> line.at("/error/code").stringValue().equals("batch_expired"));
    }

    @Test
    void aFileInUseStaysUntilItsBatchHasEnded() throws Exception {
        start(SLOW_NANOS);
        String id = begin(10);
        String file = BatchesTest.batch(server, id).get("input_file_id").stringValue();
        HttpRequest delete = HttpRequest.newBuilder(server.uri("/v1/files/" + file)).DELETE()
                .build();

        assertThat(server.send(delete).statusCode()).isEqualTo(409);
        server.post("/v1/batches/" + id + "/cancel", "");
        BatchesTest.ended(server, id);
        assertThat(server.send(delete).statusCode()).isEqualTo(200);
    }

    @Test
    void liveRequestsGoBeforeRows() throws Exception {
        start(SLOW_NANOS);
        String id = begin(12);
        awaitRows(id, 1);
        server.answer(Chat.PATH, Chat.body("\"max_tokens\": 2"));

        int rows = BatchesTest.batch(server, id).at("/request_counts/completed").intValue();
        assertThat(rows).as("rows that ended before a later live request").isLessThan(6);
        List<MeteredRequest> opened = server.meter().opened();
        assertThat(opened.stream().filter(one -> one.endpoint().equals("/v1/batches")))
                .allMatch(one -> one.tier().equals("flex"));
    }

    @Test
    void limitsOfTheKeyHoldTheRowsUpAndItsEndEndsThem() throws Exception {
        NewKey key;
        try (KeyStore store = KeyStore.open(folder.resolve("ledger.db"))) {
            key = store.create(new ApiKey("", "batch", "team", Role.TENANT, 60, 0,
                    Set.of(LiveServer.MODEL), 0, 0));
        }
        keys = KeyRing.open(folder.resolve("ledger.db"));
        start(0);
        storage.storage().batches().add(stored(key, Rows.chats(70, "\"max_tokens\": 1")), 9);
        String id = storage.storage().batches().unended().getFirst().id();
        restart(0);
        Awaitility.await().until(() -> server.meter().finished().size() >= 60);
        try (KeyStore store = KeyStore.open(folder.resolve("ledger.db"))) {
            store.revoke("batch");
        }
        Awaitility.await().until(() -> storage.storage().batches().unended().isEmpty());

        assertThat(storage.storage().batches().find("team", id).orElseThrow()).satisfies(batch -> {
            assertThat(batch.status().word()).isEqualTo("failed");
            assertThat(batch.errors()).contains("invalid_api_key");
            assertThat(batch.counts().completed()).isBetween(60L, 69L);
            assertThat(batch.outputFileId()).isNotNull();
        });
    }

    /** A batch that was made with a key, without asking for it over HTTP. */
    private StoredBatch stored(NewKey key, String rows)
            throws Exception {
        FileStore files = storage.storage().batches().files();
        try (IncomingFile incoming = files.receive("team")) {
            byte[] bytes = rows.getBytes(StandardCharsets.UTF_8);
            incoming.write(bytes, 0, bytes.length);
            String file = files.keep(incoming, "rows.jsonl", "batch", Optional.empty())
                    .id();
            long now = System.currentTimeMillis();
            return StoredBatch.begin("batch_1", "team",
                    key.key().id(), Chat.PATH, file, 0, null, now, now + 3_600_000);
        }
    }
}
