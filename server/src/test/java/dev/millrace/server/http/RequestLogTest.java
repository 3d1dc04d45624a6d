package dev.millrace.server.http;

import dev.millrace.engine.fixtures.NextToken;
import dev.millrace.engine.fixtures.ScriptedForwardPass;
import dev.millrace.server.fixtures.Chat;
import dev.millrace.server.fixtures.LiveServer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

import static org.assertj.core.api.Assertions.*;

@Timeout(300)
class RequestLogTest {

    @TempDir
    Path folder;

    private List<JsonNode> lines(boolean prompts, String... bodies) throws Exception {
        Path file = folder.resolve("requests.jsonl");
        try (LiveServer server = LiveServer.with(
                new ScriptedForwardPass(NextToken.answer("a secret answer")))
                .requestLog(file, prompts).start()) {
            for (String body : bodies) {
                server.post(Chat.PATH, body);
            }
            Awaitility.await().until(() -> Files.readAllLines(file).size() == bodies.length);
        }
        return Files.readAllLines(file).stream().map(LiveServer::json).toList();
    }

    @Test
    void aRequestsLineSaysWhoAskedWhatRanAndWhatItTook() throws Exception {
        JsonNode line = lines(false, Chat.body("\"stream\": true, \"n\": 2")).getFirst();

        assertThat(line.get("request_id").stringValue()).startsWith("req_");
        assertThat(line.get("route").stringValue()).isEqualTo(Chat.PATH);
        assertThat(line.get("status").intValue()).isEqualTo(200);
        assertThat(line.get("tenant").stringValue()).isEqualTo("local");
        assertThat(line.get("key").isNull()).isTrue();
        assertThat(line.get("model").stringValue()).isEqualTo("scripted");
        assertThat(line.get("ids").get(1).stringValue()).startsWith("chatcmpl-").endsWith("-1");
        assertThat(line.get("prompt_tokens").intValue()).isEqualTo(19);
        assertThat(line.get("completion_tokens").intValue()).isEqualTo(32);
        assertThat(line.get("cost_nano_usd").longValue()).isEqualTo(2 * 19_000 + 32 * 10);
        assertThat(line.get("finish_reasons").toString()).isEqualTo("[\"stop\",\"stop\"]");
        assertThat(line.get("first_token_ms").doubleValue()).isPositive();
        assertThat(line.get("ms").doubleValue()).isPositive();
    }

    @Test
    void nothingThatClientsOrModelsWriteIsLoggedUnasked() throws Exception {
        List<JsonNode> lines = lines(false, Chat.messages(
                "[{\"role\": \"user\", \"content\": \"a secret question\"}]"),
                "{\"model\": \"secret\"}");

        assertThat(lines.toString()).doesNotContain("secret");
        assertThat(lines.get(1).get("status").intValue()).isEqualTo(404);
        assertThat(lines.get(1).get("error").stringValue()).isEqualTo("model_not_found");
    }

    @Test
    void whatClientsWriteIsLoggedWhereThatIsWanted() throws Exception {
        JsonNode line = lines(true, Chat.messages(
                "[{\"role\": \"user\", \"content\": \"a secret question\"}]")).getFirst();

        assertThat(line.get("request").stringValue()).contains("a secret question");
        assertThat(line.toString()).doesNotContain("a secret answer");
    }
}
