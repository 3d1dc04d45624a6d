package dev.millrace.server.openai;

import dev.millrace.server.fixtures.Chat;
import dev.millrace.server.fixtures.LiveServer;
import dev.millrace.server.fixtures.RawClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

import static org.assertj.core.api.Assertions.*;

/** What an attacker or a broken client may send. After each of them the server serves on. */
@Timeout(300)
class HostileRequestTest {

    private final LiveServer server = LiveServer.saying("ok");
    private LiveServer tight;

    @AfterEach
    void stop() throws Exception {
        assertThat(server.post(Chat.PATH, Chat.body("")).statusCode()).isEqualTo(200);
        server.close();
        if (tight != null) {
            assertThat(tight.post(Chat.PATH, Chat.body("\"max_tokens\": 1")).statusCode())
                    .isEqualTo(200);
            tight.close();
        }
    }

    private LiveServer tight() {
        tight = LiveServer.with(server.pass()).limits(Limits.tight()).start();
        return tight;
    }

    private static JsonNode expectError(int status, HttpResponse<String> response) {
        assertThat(response.statusCode()).as(response.body()).isEqualTo(status);
        return expectEnvelope(response.body());
    }

    private static JsonNode expectEnvelope(String body) {
        JsonNode error = LiveServer.json(body).get("error");
        assertThat(error.propertyNames()).containsExactly("message", "type", "param", "code");
        assertThat(error.get("message").stringValue()).isNotBlank().hasSizeLessThan(500)
                .doesNotContain("Exception", "java.", "jackson", "\tat ", "StreamRead");
        return error;
    }

    @ParameterizedTest
    @ValueSource(strings = {"", " ", "{", "}", "nonsense", "{\"model\": }", "{'model': 'x'}",
        "{\"model\": NaN}", "{\"model\": Infinity}", "{\"a\": 01}", "{\"a\": 1,}",
        "{\"a\": 1} trailing", "{} {}", "[]", "5", "\"text\"", "null", "\uFEFF{}",
        "{\"a\": \"\u0001\"}", "{/* comment */}", "{\"model\": \"x\", \"model\": \"y\"}",
        "{\"x\": {\"a\": 1, \"a\": 2}}"})
    void whatIsNoJsonObjectIsRefused(String body) throws Exception {
        JsonNode error = expectError(400, server.post(Chat.PATH, body));

        assertThat(error.get("code").stringValue()).isEqualTo("invalid_json");
    }

    @Test
    void whereTheJsonBreaksIsSaid() throws Exception {
        JsonNode error = expectError(400, server.post(Chat.PATH, "{\n  \"model\": oops}"));

        assertThat(error.get("message").stringValue()).contains("line 2");
    }

    @Test
    void numbersBeyondAllRangesAndUnknownFieldsBreakNothing() throws Exception {
        assertThat(server.post(Chat.PATH, Chat.body("\"unheard_of\": [1e400, -1e400, {}]"))
                .statusCode()).isEqualTo(200);
        expectError(400, server.post(Chat.PATH, Chat.body("\"top_p\": 1e400")));
    }

    @Test
    void bytesThatAreNotUtf8AreRefused() throws Exception {
        byte[] latin1 = Chat.messages("[{\"role\":\"user\",\"content\":\"caf\u00e9\"}]")
                .getBytes(StandardCharsets.ISO_8859_1);

        HttpResponse<String> response = server.send(HttpRequest.newBuilder(server.uri(Chat.PATH))
                .header("Content-Type", "application/json")
                .POST(BodyPublishers.ofByteArray(latin1)).build());

        assertThat(expectError(400, response).get("message").stringValue()).contains("UTF-8");
    }

    @ParameterizedTest
    @ValueSource(strings = {"[", "{\"a\":"})
    void tenThousandLevelsAreRefused(String level) throws Exception {
        JsonNode error = expectError(400,
                server.post(Chat.PATH, "{\"x\":" + level.repeat(10_000)));

        assertThat(error.get("message").stringValue()).contains("100 levels deep");
    }

    @ParameterizedTest
    @ValueSource(ints = {101, 5_000})
    void aNumberOfManyDigitsIsRefused(int digits) throws Exception {
        expectError(400, server.post(Chat.PATH, Chat.body("\"x\": " + "9".repeat(digits))));
    }

    @Test
    void millionsOfValuesAreRefusedBeforeTheyFillTheMemory() throws Exception {
        JsonNode error = expectError(400, server.post(Chat.COMPLETIONS,
                Chat.completion("[" + "1,".repeat(1_000_000) + "1]", "")));

        assertThat(error.get("message").stringValue()).contains("262144 values");
    }

    @Test
    void aBodyThatSaysItIsTooLargeIsRefusedUnread() throws Exception {
        try (RawClient client = new RawClient(server.port())) {
            client.send("POST /v1/completions HTTP/1.1\r\nHost: localhost\r\n"
                    + "Content-Type: application/json\r\nContent-Length: 99999999999\r\n\r\n");

            assertThat(client.readUntil("\r\n\r\n")).startsWith("HTTP/1.1 413");
            assertThat(client.readUntil("}}")).contains("request_too_large");
        }
    }

    @Test
    void aChunkedBodyWithoutEndIsRefusedAtTheLimit() throws Exception {
        LiveServer small = tight();
        try (RawClient client = new RawClient(small.port())) {
            client.send("POST /v1/completions HTTP/1.1\r\nHost: localhost\r\n"
                    + "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n");
            client.sendUntilRefused(("400\r\n" + " ".repeat(1024) + "\r\n").repeat(5));

            assertThat(client.readUntil("\r\n\r\n")).startsWith("HTTP/1.1 413");
        }
    }

    @Test
    void aChunkWithoutALengthIsRefusedInTheEnvelope() throws Exception {
        try (RawClient client = new RawClient(server.port())) {
            client.send("POST /v1/completions HTTP/1.1\r\nHost: localhost\r\n"
                    + "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
                    + "zz\r\n");

            assertThat(client.readUntil("\r\n\r\n")).startsWith("HTTP/1.1 400");
            assertThat(expectEnvelope(client.readUntil("}}")).get("code").stringValue())
                    .isEqualTo("bad_request");
        }
    }

    @ParameterizedTest
    @CsvSource({"null, got null", "5, got a number", "[], got an array", "'\"x\"', got a string"})
    void whatCameInsteadOfAnObjectIsNamed(String body, String words) throws Exception {
        assertThat(expectError(400, server.post(Chat.PATH, body)).get("message").stringValue())
                .endsWith(words);
    }

    @Test
    void theNameOfAModelIsNotRepeatedAtAnyLength() throws Exception {
        JsonNode error = expectError(404, server.post(Chat.COMPLETIONS,
                "{\"model\": \"" + "m".repeat(100_000) + "\", \"prompt\": \"\"}"));

        assertThat(error.get("message").stringValue()).contains("mmm...");
    }

    @Test
    void choicesTimesTokensAreLimited() throws Exception {
        LiveServer small = tight();

        JsonNode error = expectError(400, small.post(Chat.PATH,
                Chat.body("\"n\": 4, \"max_tokens\": 251")));

        assertThat(error.get("param").stringValue()).isEqualTo("max_tokens");
        assertThat(error.get("message").stringValue()).contains("4 completions")
                .contains("1004 tokens").contains("at most 1000");
        assertThat(small.post(Chat.PATH, Chat.body("\"n\": 4, \"max_tokens\": 250"))
                .statusCode()).isEqualTo(200);
    }

    @Test
    void aBodyThatDripsIsGivenUp() throws Exception {
        LiveServer small = tight();
        try (RawClient client = new RawClient(small.port())) {
            client.send("POST /v1/completions HTTP/1.1\r\nHost: localhost\r\n"
                    + "Content-Type: application/json\r\nContent-Length: 4000\r\n\r\n");
            for (int i = 0; i < 8; i++) {
                client.sendUntilRefused(" ");
                Thread.sleep(100);
            }

            assertThat(client.readUntil("\r\n\r\n")).startsWith("HTTP/1.1 408");
        }
    }

    /** The idle time never passes: bytes come until the server has had enough. */
    @Test
    void headersThatDripAreGivenUpOnTheFirstRequestAndOnLaterOnes() throws Exception {
        LiveServer small = tight();
        try (RawClient client = new RawClient(small.port())) {
            drip(client);
        }
        try (RawClient client = new RawClient(small.port())) {
            client.send("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n");
            assertThat(client.readUntil("}")).startsWith("HTTP/1.1 200");
            drip(client);
        }
    }

    private static void drip(RawClient client) throws Exception {
        client.send("GET /health HTTP/1.1\r\nHost: localhost\r\nX: ");
        long start = System.nanoTime();
        boolean open = true;
        while (open) {
            assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(
                    Duration.ofMinutes(2));
            Thread.sleep(50); // far less than what counts as idle
            open = client.takes("a");
        }
    }

    @Test
    void headersThatAreTooLargeGetTheEnvelopeToo() throws Exception {
        try (RawClient client = new RawClient(server.port())) {
            client.sendUntilRefused("GET /health HTTP/1.1\r\nHost: localhost\r\nX-Filler: "
                    + "a".repeat(1 << 20) + "\r\n\r\n");

            assertThat(client.readUntil("\r\n\r\n")).startsWith("HTTP/1.1 431")
                    .contains("application/json");
            expectEnvelope(client.readUntil("}}"));
        }
    }

    @Test
    void tenThousandHeadersAreRefused() throws Exception {
        try (RawClient client = new RawClient(server.port())) {
            client.sendUntilRefused("GET /health HTTP/1.1\r\nHost: localhost\r\n"
                    + "a: b\r\n".repeat(10_000) + "\r\n");

            assertThat(client.readUntil("\r\n\r\n")).startsWith("HTTP/1.1 431");
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {"text/plain", "application/x-www-form-urlencoded",
        "multipart/form-data", "application/jsonp", "application/json; charset=utf-16",
        "application/json; charset=iso-8859-1", "*/*", "json"})
    void otherContentTypesAreRefused(String type) throws Exception {
        HttpResponse<String> response = server.send(HttpRequest.newBuilder(server.uri(Chat.PATH))
                .header("Content-Type", type).POST(BodyPublishers.ofString(Chat.body("")))
                .build());

        assertThat(expectError(415, response).get("message").stringValue()).contains(type);
    }

    @Test
    void noContentTypeIsRefusedAsBrowsersMaySendThatAnywhere() throws Exception {
        expectError(415, server.send(HttpRequest.newBuilder(server.uri(Chat.PATH))
                .POST(BodyPublishers.ofString(Chat.body(""))).build()));
    }

    @ParameterizedTest
    @ValueSource(strings = {"application/json", "application/json; charset=utf-8",
        "Application/JSON;charset=\"UTF-8\""})
    void jsonInUtf8IsAcceptedHoweverItIsSpelled(String type) throws Exception {
        assertThat(server.send(HttpRequest.newBuilder(server.uri(Chat.PATH))
                .header("Content-Type", type).POST(BodyPublishers.ofString(Chat.body("")))
                .build()).statusCode()).isEqualTo(200);
    }

    @ParameterizedTest
    @ValueSource(strings = {"gzip", "deflate", "br", "gzip, gzip"})
    void compressedBodiesAreRefusedUnread(String encoding) throws Exception {
        HttpResponse<String> response = server.send(HttpRequest.newBuilder(server.uri(Chat.PATH))
                .header("Content-Type", "application/json").header("Content-Encoding", encoding)
                .POST(BodyPublishers.ofString(Chat.body(""))).build());

        assertThat(expectError(415, response).get("code").stringValue())
                .isEqualTo("unsupported_encoding");
    }

    @ParameterizedTest
    @ValueSource(strings = {"//v1/models", "/v1//models", "/v1/../metrics", "/v1/%2e%2e/metrics",
        "/%2e/v1/models", "/v1/models%2f", "/V1/models", "/v1/models;x=1/y", "/v1/models/%00",
        "/v1%2fmodels", "/\\v1/models"})
    void pathTricksReachNothing(String path) throws Exception {
        try (RawClient client = new RawClient(server.port())) {
            client.send("GET " + path + " HTTP/1.1\r\nHost: localhost\r\n"
                    + "Connection: close\r\n\r\n");

            String response = client.readAll();

            assertThat(response).matches("(?s)HTTP/1.1 40[04] .*");
            expectEnvelope(response.substring(response.indexOf("\r\n\r\n") + 4));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"evil.example", "evil.example:8080", "localhost.evil.example",
        "127.0.0.1.evil.example", "192.168.0.7", "0.0.0.0"})
    void aNameThatIsNotThisMachinesIsNotAnswered(String host) throws Exception {
        try (RawClient client = new RawClient(server.port())) {
            client.send("GET /v1/models HTTP/1.1\r\nHost: " + host
                    + "\r\nConnection: close\r\n\r\n");

            String response = client.readAll();

            assertThat(response).startsWith("HTTP/1.1 403").doesNotContain("scripted");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"localhost", "LOCALHOST:8080", "127.0.0.1:1", "[::1]", "[::1]:9"})
    void everyNameOfThisMachineIsAnswered(String host) throws Exception {
        try (RawClient client = new RawClient(server.port())) {
            client.send("GET /v1/models HTTP/1.1\r\nHost: " + host
                    + "\r\nConnection: close\r\n\r\n");

            assertThat(client.readAll()).startsWith("HTTP/1.1 200");
        }
    }

    @Test
    void aClientThatSaysNothingIsHungUpOn() throws Exception {
        LiveServer small = tight();
        try (RawClient client = new RawClient(small.port())) {
            client.send("POST /v1/chat/completions HTTP/1.1\r\nHost: loc");

            assertThat(client.readAll()).doesNotContain("200");
        }
    }

    @Test
    void anAnswerMayTakeLongerThanTheIdleTimeout() throws Exception {
        tight = LiveServer.endless(20_000_000).limits(Limits.tight()).start();

        HttpResponse<String> response = tight.post(Chat.PATH, Chat.body("\"max_tokens\": 60"));

        assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
    }
}
