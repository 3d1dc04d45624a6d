package dev.millrace.server.files;

import dev.millrace.engine.fixtures.NextToken;
import dev.millrace.engine.fixtures.ScriptedForwardPass;
import dev.millrace.server.fixtures.LiveServer;
import dev.millrace.server.fixtures.RawClient;
import dev.millrace.server.fixtures.TestStorage;
import dev.millrace.server.fixtures.Upload;
import dev.millrace.server.tenants.ApiKey;
import dev.millrace.server.tenants.KeyRing;
import dev.millrace.server.tenants.KeyStore;
import dev.millrace.server.tenants.Role;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;

import static org.assertj.core.api.Assertions.*;

/** {@code /v1/files} over HTTP. */
@Timeout(300)
class FilesTest {

    private static final String CONTENT = "{\"a\": \"Zoë\"}\n";

    @TempDir
    static Path folder;

    private static TestStorage storage;
    private static LiveServer server;

    @BeforeAll
    static void start() {
        storage = new TestStorage(folder);
        server = LiveServer.with(new ScriptedForwardPass(NextToken.answer("ok")))
                .storage(storage.storage()).start();
    }

    @AfterAll
    static void stop() {
        server.close();
        storage.close();
    }

    @AfterEach
    void removeAll() throws Exception {
        storage.ahead(Duration.ofDays(60));
        storage.database().sweep();
        storage.ahead(Duration.ZERO);
        for (String id : ids(get("/v1/files"))) {
            delete(id);
        }
        assertThat(onDisk()).isEmpty();
    }

    private HttpResponse<String> upload(String... fields) throws Exception {
        return server.send(Upload.form(server.uri("/"), fields).build());
    }

    private JsonNode file(String... fields) throws Exception {
        HttpResponse<String> response = upload(fields);
        assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
        return LiveServer.json(response.body());
    }

    private HttpResponse<String> delete(String id) throws Exception {
        return server.send(HttpRequest.newBuilder(server.uri("/v1/files/" + id)).DELETE()
                .build());
    }

    private JsonNode get(String path) throws Exception {
        return LiveServer.json(server.get(path).body());
    }

    /** Of files; the database lies beside them. */
    private List<Path> onDisk() throws Exception {
        try (Stream<Path> files = Files.list(folder.resolve("ledger.db.files"))) {
            return files.toList();
        }
    }

    private static List<String> ids(JsonNode list) {
        List<String> ids = new ArrayList<>();
        list.get("data").values().forEach(one -> ids.add(one.get("id").stringValue()));
        return ids;
    }

    @Test
    void whatIsLeftIsGivenBackByteForByte() throws Exception {
        JsonNode file = file("purpose", "user_data", "file", CONTENT);
        String id = file.get("id").stringValue();

        assertThat(file.get("bytes").intValue()).isEqualTo(14);
        assertThat(file.get("filename").stringValue()).isEqualTo("rows.jsonl");
        assertThat(file.has("expires_at")).isFalse();
        assertThat(get("/v1/files/" + id)).isEqualTo(file);
        HttpResponse<String> content = server.get("/v1/files/" + id + "/content");
        assertThat(content.body()).isEqualTo(CONTENT);
        assertThat(content.headers().firstValue("x-content-type-options")).contains("nosniff");
        assertThat(Files.readString(onDisk().getFirst())).isEqualTo(CONTENT);
    }

    @Test
    void fieldsMayComeInAnyOrder() throws Exception {
        JsonNode file = file("file", CONTENT, "expires_after[seconds]", "3600",
                "expires_after[anchor]", "created_at", "purpose", "user_data");

        assertThat(file.get("expires_at").longValue() - file.get("created_at").longValue())
                .isEqualTo(3600);
        assertThat(file("file", "x", "purpose", "batch").get("expires_at").longValue()
                - file.get("created_at").longValue()).isBetween(2_592_000L, 2_592_100L);
    }

    @Test
    void listsComeInPagesBothWays() throws Exception {
        List<String> made = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            storage.ahead(Duration.ofSeconds(i));
            made.add(file("purpose", i == 1 ? "batch" : "user_data", "file", "x").get("id")
                    .stringValue());
        }

        assertThat(ids(get("/v1/files"))).containsExactlyElementsOf(made.reversed());
        assertThat(ids(get("/v1/files?purpose=batch"))).containsExactly(made.get(1));
        JsonNode first = get("/v1/files?limit=2&order=asc");
        assertThat(ids(first)).containsExactly(made.get(0), made.get(1));
        assertThat(first.get("has_more").booleanValue()).isTrue();
        JsonNode second = get("/v1/files?limit=2&order=asc&after="
                + first.get("last_id").stringValue());
        assertThat(ids(second)).containsExactly(made.get(2));
        assertThat(second.get("has_more").booleanValue()).isFalse();
        assertThat(ids(get("/v1/files?after=" + made.get(1)))).containsExactly(made.get(0));
    }

    @Test
    void whatIsDeletedIsGone() throws Exception {
        String id = file("purpose", "user_data", "file", CONTENT).get("id").stringValue();

        assertThat(LiveServer.json(delete(id).body()).toString()).isEqualTo(
                "{\"id\":\"" + id + "\",\"object\":\"file\",\"deleted\":true}");
        assertThat(server.get("/v1/files/" + id).statusCode()).isEqualTo(404);
        assertThat(server.get("/v1/files/" + id + "/content").statusCode()).isEqualTo(404);
        assertThat(delete(id).statusCode()).isEqualTo(404);
        assertThat(onDisk()).isEmpty();
    }

    @Test
    void whatHasExpiredIsGoneAndSweptAway() throws Exception {
        String id = file("purpose", "batch", "file", CONTENT).get("id").stringValue();
        storage.ahead(Duration.ofDays(31));

        assertThat(server.get("/v1/files/" + id).statusCode()).isEqualTo(404);
        assertThat(ids(get("/v1/files"))).isEmpty();
        storage.database().sweep();
        assertThat(onDisk()).isEmpty();
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "file | x | missing_required_parameter | purpose",
        "purpose | batch | missing_required_parameter | file",
        "file,x,purpose | vision | unsupported_parameter | purpose",
        "file,x,purpose | fine-tune | unsupported_parameter | purpose",
        "file,x,purpose | music | invalid_value | purpose",
        "file,x,file,x,purpose | batch | invalid_value | file",
        "file,x,purpose,batch,expires_after[seconds] | 3600 | missing_required_parameter "
                + "| expires_after[anchor]",
        "file,x,purpose,batch,expires_after[anchor],created_at,expires_after[seconds] | 3599 "
                + "| invalid_value | expires_after[seconds]",
        "file,x,purpose,batch,expires_after[seconds],3600,expires_after[anchor] | now "
                + "| invalid_value | expires_after[anchor]",
        "file,x,purpose,batch,encoding | x | unsupported_parameter | encoding"})
    void whatIsNoFileIsRefusedByItsField(String start, String last, String code, String param)
            throws Exception {
        List<String> fields = new ArrayList<>(List.of(start.split(",")));
        fields.add(last);
        HttpResponse<String> response = upload(fields.toArray(String[]::new));

        assertThat(response.statusCode()).as(response.body()).isEqualTo(400);
        JsonNode error = LiveServer.json(response.body()).get("error");
        assertThat(error.get("code").stringValue()).isEqualTo(code);
        assertThat(error.get("param").stringValue()).isEqualTo(param);
        assertThat(onDisk()).isEmpty();
    }

    @ParameterizedTest
    @CsvSource({"limit=0", "limit=10001", "limit=many", "order=up", "after=file-none"})
    void whatIsNoPageIsRefused(String query) throws Exception {
        assertThat(server.get("/v1/files?" + query).statusCode()).isIn(400, 404);
    }

    @Test
    void filesAreLimitedOneByOneAndTogether() throws Exception {
        HttpResponse<String> large = upload("purpose", "batch", "file",
                "x".repeat(TestStorage.FILE_BYTES + 1));
        assertThat(large.statusCode()).isEqualTo(413);
        assertThat(large.body()).contains("file_too_large");

        for (int i = 0; i < 2; i++) {
            file("purpose", "batch", "file", "x".repeat(TestStorage.FILE_BYTES));
        }
        HttpResponse<String> third = upload("purpose", "batch", "file",
                "x".repeat(TestStorage.FILE_BYTES));
        assertThat(third.statusCode()).isEqualTo(400);
        assertThat(third.body()).contains("storage_limit_exceeded", "200000");
        assertThat(onDisk()).hasSize(2);
    }

    @Test
    void onlyAFormIsTakenForOne() throws Exception {
        assertThat(server.post("/v1/files", "{}").statusCode()).isEqualTo(415);
        try (RawClient client = new RawClient(server.port())) {
            client.send("POST /v1/files HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.example"
                    + "\r\nContent-Type: multipart/form-data; boundary=a\r\nContent-Length: 5"
                    + "\r\n\r\n--a--");
            assertThat(client.readUntil("\r\n\r\n")).startsWith("HTTP/1.1 403");
        }
    }

    @Test
    void anUploadThatBreaksOffLeavesNothing() throws Exception {
        try (RawClient client = new RawClient(server.port())) {
            client.send("POST /v1/files HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
                    + "multipart/form-data; boundary=a\r\nContent-Length: 90000\r\n\r\n--a\r\n"
                    + "Content-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\nxyz");
            Awaitility.await().until(() -> !onDisk().isEmpty());
        }
        Awaitility.await().until(() -> onDisk().isEmpty());
    }

    @Test
    void whatAnEndOfTheServerLeftIsRemovedAtTheNextStart() throws Exception {
        String kept = file("purpose", "batch", "file", "x").get("id").stringValue();
        Files.writeString(folder.resolve("ledger.db.files/file-half"), "half of an upload");
        new TestStorage(folder).close();

        assertThat(onDisk()).extracting(path -> path.getFileName().toString())
                .containsExactly(kept);
    }

    @Test
    void aTenantSeesItsOwnFilesOnly(@TempDir Path own) throws Exception {
        String mine;
        String theirs;
        String metrics;
        try (KeyStore store = KeyStore.open(own.resolve("ledger.db"))) {
            mine = key(store, "mine", Role.TENANT);
            theirs = key(store, "theirs", Role.ADMIN);
            metrics = key(store, "metrics", Role.METRICS);
        }
        try (KeyRing ring = KeyRing.open(own.resolve("ledger.db"));
                TestStorage room = new TestStorage(own);
                LiveServer guarded = LiveServer.with(new ScriptedForwardPass(
                        NextToken.answer("ok"))).keys(ring).storage(room.storage()).start()) {
            HttpResponse<String> file = guarded.send(Upload.form(guarded.uri("/"), "purpose",
                    "batch", "file", "x").header("Authorization", mine).build());
            String id = LiveServer.json(file.body()).get("id").stringValue();
            String path = "/v1/files/" + id;

            assertThat(as(guarded, mine, path, "GET")).isEqualTo(200);
            for (String route : List.of("", "/content")) {
                assertThat(as(guarded, theirs, path + route, "GET")).isEqualTo(404);
            }
            assertThat(as(guarded, theirs, path, "DELETE")).isEqualTo(404);
            assertThat(as(guarded, theirs, "/v1/files?after=" + id, "GET")).isEqualTo(404);
            assertThat(as(guarded, metrics, path, "GET")).isEqualTo(403);
            assertThat(guarded.get(path).statusCode()).isEqualTo(401);
            assertThat(as(guarded, mine, path, "DELETE")).isEqualTo(200);
        }
    }

    private static String key(KeyStore store, String name, Role role) {
        return "Bearer " + store.create(new ApiKey("", name, name, role, 0, 0, Set.of(), 0, 0))
                .secret();
    }

    private static int as(LiveServer server, String key, String path, String method)
            throws Exception {
        return server.send(HttpRequest.newBuilder(server.uri(path)).header("Authorization", key)
                .method(method, HttpRequest.BodyPublishers.noBody()).build()).statusCode();
    }
}
