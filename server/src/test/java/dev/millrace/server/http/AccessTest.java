package dev.millrace.server.http;

import dev.millrace.engine.FinishedRequest;
import dev.millrace.engine.fixtures.NextToken;
import dev.millrace.engine.fixtures.ScriptedForwardPass;
import dev.millrace.server.fixtures.Chat;
import dev.millrace.server.fixtures.LiveServer;
import dev.millrace.server.fixtures.RawClient;
import dev.millrace.server.metering.MeteredRequest;
import dev.millrace.server.tenants.ApiKey;
import dev.millrace.server.tenants.KeyRing;
import dev.millrace.server.tenants.KeyStore;
import dev.millrace.server.tenants.NewKey;
import dev.millrace.server.tenants.Role;
import dev.millrace.server.tenants.RouteAccess;
import io.javalin.security.RouteRole;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

import static org.assertj.core.api.Assertions.*;

/** Who may do what over HTTP. */
@Timeout(300)
class AccessTest {

    @TempDir
    Path folder;

    private KeyStore store;
    private KeyRing ring;
    private LiveServer server;

    @BeforeEach
    void open() {
        store = KeyStore.open(folder.resolve("ledger.db"));
    }

    @AfterEach
    void stop() {
        if (server != null) {
            server.close();
        }
        if (ring != null) {
            ring.close();
        }
        store.close();
    }

    private LiveServer.Setup guarded() {
        ring = KeyRing.open(folder.resolve("ledger.db"));
        return LiveServer.with(new ScriptedForwardPass(NextToken.answer("ok"))).keys(ring);
    }

    private NewKey key(String name, Role role, int rpm, int tpm, String... models) {
        return store.create(new ApiKey("", name, "team-of-" + name, role, rpm, tpm,
                Set.of(models), 0, 0));
    }

    private HttpRequest.Builder request(String method, String path, String body) {
        return HttpRequest.newBuilder(server.uri(path)).header("Content-Type", "application/json")
                .method(method, BodyPublishers.ofString(body));
    }

    private HttpResponse<String> chat(NewKey key, String more) throws Exception {
        return server.send(request("POST", Chat.PATH, Chat.body(more))
                .header("Authorization", "Bearer " + key.secret()).build());
    }

    private static JsonNode error(HttpResponse<String> response) {
        return LiveServer.json(response.body()).get("error");
    }

    @Test
    void everyRouteSaysWhoMayUseIt() {
        server = guarded().start();

        Map<String, Set<RouteRole>> routes = server.server().routes();

        assertThat(routes).hasSizeGreaterThan(6);
        assertThat(routes).allSatisfy((route, access) -> assertThat(access).as(route).hasSize(1));
    }

    @Test
    void nothingIsAnsweredWithoutAKey() throws Exception {
        key("ci", Role.TENANT, 0, 0);
        server = guarded().start();
        List<String> routes = new ArrayList<>(server.server().routes().entrySet().stream()
                .filter(route -> !route.getValue().contains(RouteAccess.ANYBODY))
                .map(route -> route.getKey().replaceAll("\\{[a-z]+}", LiveServer.MODEL)).toList());
        routes.addAll(List.of("GET /nothing", "POST /v1/nothing", "DELETE /v1/models",
                "HEAD /v1/models", "GET /metrics/", "GET //health"));

        for (String route : routes) {
            String[] words = route.split(" ");
            HttpResponse<String> response = server.send(request(words[0], words[1], "{}").build());

            assertThat(response.statusCode()).as(route).isIn(400, 401);
            assertThat(response.body()).as(route).doesNotContain("scripted");
        }
    }

    @Test
    void pathTricksOpenNothingWithoutAKey() throws Exception {
        key("ci", Role.TENANT, 0, 0);
        server = guarded().start();

        for (String path : List.of("/health/../v1/models", "/health/%2e%2e/v1/models",
                "//v1/models", "/health;/../v1/models", "/v1/models/", "/V1/models",
                "/%76%31/models", "/v1/models?x=/health", "/v1/models#/health",
                "http://localhost/v1/models", "/health//../../v1/models", "/livez/v1/models")) {
            try (RawClient client = new RawClient(server.port())) {
                client.send("GET " + path + " HTTP/1.1\r\nHost: localhost\r\n"
                        + "Connection: close\r\n\r\n");
                String answer = client.readAll();

                assertThat(answer.substring(9, 12)).as(path).isIn("400", "401", "404");
                assertThat(answer).as(path).doesNotContain("scripted");
            }
        }
    }

    @Test
    void aMissingKeyIsToldFromAWrongOne() throws Exception {
        key("ci", Role.TENANT, 0, 0);
        server = guarded().start();

        HttpResponse<String> without = server.get("/v1/models");
        HttpResponse<String> wrong = server.send(request("GET", "/v1/models", "")
                .header("Authorization", "Bearer sk-mill-abcdefgh-" + "x".repeat(40)).build());

        assertThat(without.headers().firstValue("www-authenticate")).contains("Bearer");
        assertThat(error(without).get("code").stringValue()).isEqualTo("invalid_api_key");
        assertThat(error(without).get("message").stringValue()).contains("needs an API key");
        assertThat(error(wrong).get("message").stringValue())
                .contains("unknown or has been revoked")
                .doesNotContain("xxx");
    }

    @Test
    void livenessNeedsNoKey() throws Exception {
        key("ci", Role.TENANT, 0, 0);
        server = guarded().start();

        assertThat(server.get("/health").statusCode()).isEqualTo(200);
    }

    @Test
    void aRoleOpensWhatIsForIt() throws Exception {
        Map<Role, NewKey> keys = Map.of(Role.TENANT, key("t", Role.TENANT, 0, 0), Role.METRICS,
                key("m", Role.METRICS, 0, 0), Role.ADMIN, key("a", Role.ADMIN, 0, 0));
        server = guarded().start();

        for (String expected : List.of("TENANT GET /v1/models 200", "TENANT GET /metrics 403",
                "TENANT POST /v1/load_lora_adapter 403", "METRICS GET /metrics 200",
                "METRICS GET /v1/models 403", "METRICS POST /v1/completions 403",
                "ADMIN GET /v1/models 200", "ADMIN GET /metrics 200", "ADMIN GET /nothing 404")) {
            String[] words = expected.split(" ");
            HttpResponse<String> response = server.send(request(words[1], words[2], "{}")
                    .header("x-api-key", keys.get(Role.valueOf(words[0])).secret()).build());

            assertThat(response.statusCode()).as(expected).isEqualTo(Integer.parseInt(words[3]));
            if (response.statusCode() == 403) {
                assertThat(error(response).get("code").stringValue())
                        .isEqualTo("insufficient_permissions");
            }
        }
    }

    @Test
    void twoAuthorizationsAreNone() throws Exception {
        NewKey key = key("ci", Role.TENANT, 0, 0);
        server = guarded().start();
        try (RawClient client = new RawClient(server.port())) {
            client.send("GET /v1/models HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                    + "Authorization: Bearer none\r\nAuthorization: Bearer " + key.secret()
                    + "\r\n\r\n");

            assertThat(client.readAll()).startsWith("HTTP/1.1 401");
        }
    }

    @Test
    void keysComeAndGoWhileTheServerRuns() throws Exception {
        server = guarded().start();
        assertThat(server.get("/v1/models").statusCode()).isEqualTo(200);

        NewKey key = key("ci", Role.TENANT, 0, 0);
        Awaitility.await().until(() -> server.get("/v1/models").statusCode() == 401);
        assertThat(chat(key, "").statusCode()).isEqualTo(200);

        store.revoke("ci");
        Awaitility.await().until(() -> chat(key, "").statusCode() == 401);
    }

    @Test
    void aKeySeesTheModelsThatItCovers() throws Exception {
        NewKey other = key("other", Role.TENANT, 0, 0, "another-model");
        NewKey this_ = key("this", Role.TENANT, 0, 0, LiveServer.MODEL);
        server = guarded().start();

        HttpResponse<String> refused = chat(other, "");
        assertThat(refused.statusCode()).isEqualTo(404);
        assertThat(error(refused).get("code").stringValue()).isEqualTo("model_not_found");
        assertThat(chat(this_, "").statusCode()).isEqualTo(200);
        HttpResponse<String> list = server.send(request("GET", "/v1/models", "")
                .header("x-api-key", other.secret()).build());
        assertThat(LiveServer.json(list.body()).get("data").size()).isZero();
        assertThat(server.send(request("GET", "/v1/models/scripted", "")
                .header("x-api-key", other.secret()).build()).statusCode()).isEqualTo(404);
    }

    @Test
    void theKeysTeamIsBilledAndItsPrefixesAreItsOwn() throws Exception {
        NewKey key = key("ci", Role.TENANT, 0, 0);
        server = guarded().start();

        chat(key, "\"cache_salt\": \"pepper\"");

        MeteredRequest opened = server.meter().opened().getFirst();
        assertThat(opened.tenant()).isEqualTo("team-of-ci");
        assertThat(opened.keyId()).isEqualTo(key.key().id());
        assertThat(server.meter().finished()).extracting(FinishedRequest::requestId)
                .containsExactly(opened.requestId());
    }

    @Test
    void requestsBeyondTheLimitAreToldWhenToComeBack() throws Exception {
        NewKey key = key("ci", Role.TENANT, 2, 0);
        server = guarded().start();

        HttpResponse<String> first = chat(key, "");
        chat(key, "");
        HttpResponse<String> third = chat(key, "");

        assertThat(first.headers().firstValue("x-ratelimit-limit-requests")).contains("2");
        assertThat(first.headers().firstValue("x-ratelimit-remaining-requests")).contains("1");
        assertThat(third.statusCode()).isEqualTo(429);
        assertThat(error(third).get("type").stringValue()).isEqualTo("requests");
        assertThat(error(third).get("code").stringValue()).isEqualTo("rate_limit_exceeded");
        assertThat(third.headers().firstValueAsLong("retry-after").orElseThrow()).isBetween(1L,
                30L);
        assertThat(third.headers().firstValueAsLong("retry-after-ms").orElseThrow())
                .isBetween(1L, 30_000L);
        assertThat(third.headers().firstValue("x-ratelimit-remaining-requests")).contains("0");
    }

    @Test
    void tokensAreReservedAndWhatWasNotUsedIsGivenBack() throws Exception {
        NewKey key = key("ci", Role.TENANT, 0, 400);
        server = guarded().start();

        long began = System.nanoTime();
        HttpResponse<String> whole = chat(key, "\"max_tokens\": 300");
        HttpResponse<String> stream = chat(key, "\"max_tokens\": 300, \"stream\": true");
        long filled = (System.nanoTime() - began) * 400 / 60_000_000_000L + 1;

        // 19 of the prompt and 3 of the answer, or 300 that it might have; the minute goes on
        assertThat(whole.headers().firstValueAsLong("x-ratelimit-remaining-tokens").orElseThrow())
                .isBetween(378L, 378 + filled);
        assertThat(stream.headers().firstValueAsLong("x-ratelimit-remaining-tokens")
                .orElseThrow()).isBetween(59L, Math.min(59 + filled, 81));
    }

    @Test
    void howeverManyComeAtOnceTheyStayWithinTheirTokens() throws Exception {
        NewKey key = key("ci", Role.TENANT, 0, 1_000);
        ring = KeyRing.open(folder.resolve("ledger.db"));
        server = LiveServer.endless(1_000_000).keys(ring).start();
        List<Callable<Integer>> calls = new ArrayList<>();
        for (int i = 0; i < 60; i++) {
            calls.add(() -> chat(key, "\"max_tokens\": 100").statusCode());
        }

        long began = System.nanoTime();
        try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            for (Future<Integer> call : threads.invokeAll(calls)) {
                assertThat(call.get()).isIn(200, 429);
            }
        }
        double minutes = (System.nanoTime() - began) / 60e9;

        long used = server.meter().finished().stream().mapToLong(
                end -> end.usage().promptTokens() + end.usage().completionTokens()).sum();
        assertThat(used).isBetween(119L * 8, (long) (1_000 + 1_000 * minutes));
    }

    @Test
    void withoutKeysNobodyElseIsLetIn() throws Exception {
        server = guarded().host("0.0.0.0").start();

        HttpResponse<String> response = server.get("/v1/models");

        assertThat(response.statusCode()).isEqualTo(401);
        assertThat(error(response).get("message").stringValue())
                .contains("./millrace keys create");
        assertThat(server.get("/health").statusCode()).isEqualTo(200);
    }

    @Test
    void withoutKeysPagesOfOtherHostsAreRefused() throws Exception {
        server = guarded().start();

        for (String origin : List.of("https://evil.example", "null", "file://",
                "http://localhost.evil.example", "http://127.0.0.1.evil.example:8080",
                "http:\\localhost")) {
            HttpResponse<String> response = server.send(request("GET", "/v1/models", "")
                    .header("Origin", origin).build());

            assertThat(response.statusCode()).as(origin).isEqualTo(403);
            assertThat(error(response).get("code").stringValue()).isEqualTo("origin_not_allowed");
        }
        for (String origin : List.of("http://localhost:3000", "http://127.0.0.1",
                "http://[::1]:8080")) {
            assertThat(server.send(request("GET", "/v1/models", "").header("Origin", origin)
                    .build()).statusCode()).as(origin).isEqualTo(200);
        }
    }

    @Test
    void withKeysAnyNameWillDo() throws Exception {
        NewKey key = key("ci", Role.TENANT, 0, 0);
        server = guarded().start();
        try (RawClient client = new RawClient(server.port())) {
            client.send("GET /v1/models HTTP/1.1\r\nHost: llm.example.com\r\nConnection: close"
                    + "\r\nAuthorization: Bearer " + key.secret() + "\r\n\r\n");

            assertThat(client.readAll()).startsWith("HTTP/1.1 200");
        }
    }
}
