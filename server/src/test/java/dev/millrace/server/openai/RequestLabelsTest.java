package dev.millrace.server.openai;

import dev.millrace.server.fixtures.Chat;
import dev.millrace.server.fixtures.LiveServer;
import dev.millrace.server.metering.RequestLabels;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import static org.assertj.core.api.Assertions.*;

/** What clients say about their requests reaches the meter, within bounds. */
@Timeout(300)
class RequestLabelsTest {

    private static LiveServer server;

    @BeforeAll
    static void start() {
        server = LiveServer.saying("ok");
    }

    @AfterAll
    static void stop() {
        server.close();
    }

    private static RequestLabels last() {
        return server.meter().opened().getLast().labels();
    }

    @Test
    void metadataAreTags() throws Exception {
        HttpResponse<String> response = server.post(Chat.PATH, Chat.body(
                "\"metadata\": {\"feature\": \"search\", \"a\": \"\\u00e9 \\\"b\\\"\"}"));

        assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
        assertThat(last().tags()).isEqualTo(Map.of("feature", "search", "a", "\u00e9 \"b\""));
        assertThat(last().session()).isNull();
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "'session_id': 's', 'prompt_cache_key': 'k', 'user': 'u' | h | s",
        "'prompt_cache_key': 'k', 'user': 'u' | h | h",
        "'prompt_cache_key': 'k', 'user': 'u' | | k",
        "'user': 'u' | | u", "'session_id': '' | | "})
    void theSessionIsTheFirstOneNamed(String fields, String header, String session)
            throws Exception {
        HttpRequest.Builder request = HttpRequest.newBuilder(server.uri(Chat.PATH))
                .header("Content-Type", "application/json")
                .POST(BodyPublishers.ofString(Chat.body(fields.replace('\'', '"'))));
        if (header != null) {
            request.header("X-Session-Id", header);
        }

        assertThat(server.send(request.build()).statusCode()).isEqualTo(200);

        assertThat(last().session()).isEqualTo(session);
    }

    @Test
    void everyDialectHasThem() throws Exception {
        server.post("/v1/embeddings", "{\"model\": \"" + LiveServer.EMBEDDER
                + "\", \"input\": \"a\", \"user\": \"u\", \"metadata\": {\"k\": \"v\"}}");
        assertThat(last()).isEqualTo(new RequestLabels("u", Map.of("k", "v")));

        server.post("/v1/messages", "{\"model\": \"scripted\", \"max_tokens\": 4, \"metadata\":"
                + " {\"user_id\": \"anthropic\"}, \"messages\": [{\"role\": \"user\","
                + " \"content\": \"a\"}]}");
        assertThat(last().session()).isEqualTo("anthropic");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {"metadata | 'metadata': 'text' | an object",
        "metadata.a | 'metadata': {'a': 5} | a string",
        "metadata | 'metadata': {'': 'x'} | 1 to 64 characters",
        "user | 'user': 5 | a string", "session_id | 'session_id': [] | a string"})
    void whatIsNoLabelIsRefused(String param, String field, String message) throws Exception {
        refused(param, field.replace('\'', '"'), message);
    }

    @Test
    void theBoundsAreOpenAis() throws Exception {
        String pairs = IntStream.range(0, 17).mapToObj(i -> "\"k" + i + "\": \"v\"")
                .collect(Collectors.joining(","));
        refused("metadata", "\"metadata\": {" + pairs + "}", "at most 16 pairs, got 17");
        refused("metadata", "\"metadata\": {\"" + "n".repeat(65) + "\": \"v\"}", "got 65");
        refused("metadata.a", "\"metadata\": {\"a\": \"" + "v".repeat(513) + "\"}", "got 513");
        refused("session_id", "\"session_id\": \"" + "v".repeat(513) + "\"", "got 513");

        assertThat(server.post(Chat.PATH, Chat.body("\"metadata\": {\"" + "n".repeat(64) + "\": \""
                + "v".repeat(512) + "\"}")).statusCode()).isEqualTo(200);
    }

    private static void refused(String param, String field, String message) throws Exception {
        HttpResponse<String> response = server.post(Chat.PATH, Chat.body(field));
        assertThat(response.statusCode()).as(response.body()).isEqualTo(400);
        assertThat(LiveServer.json(response.body()).at("/error/param").stringValue())
                .isEqualTo(param);
        assertThat(LiveServer.json(response.body()).at("/error/message").stringValue())
                .contains(message);
    }
}
