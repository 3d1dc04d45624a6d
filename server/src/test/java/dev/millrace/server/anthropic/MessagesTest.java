package dev.millrace.server.anthropic;

import dev.millrace.engine.FinishReason;
import dev.millrace.server.fixtures.LiveServer;
import dev.millrace.server.fixtures.RawClient;
import dev.millrace.server.fixtures.RecordingMeter;
import java.net.http.HttpResponse;
import java.util.ArrayList;
import java.util.List;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;

import static org.assertj.core.api.Assertions.*;

@Timeout(300)
class MessagesTest {

    private static final String PATH = "/v1/messages";
    private static final LiveServer server = LiveServer.saying("Hello Zoë. Bye");

    @AfterAll
    static void stop() {
        server.close();
    }

    private static String body(String more) {
        return "{\"model\":\"scripted\",\"max_tokens\":64,\"messages\":[{\"role\":\"user\","
                + "\"content\":\"hi\"}]" + (more.isEmpty() ? "" : "," + more) + "}";
    }

    private static JsonNode error(HttpResponse<String> response) {
        JsonNode body = LiveServer.json(response.body());
        assertThat(body.get("type").stringValue()).isEqualTo("error");
        assertThat(body.get("request_id").stringValue())
                .isEqualTo(response.headers().firstValue("request-id").orElseThrow());
        return body.get("error");
    }

    /** The events of a stream, each named like its type. */
    private static List<JsonNode> events(String stream) {
        List<JsonNode> events = new ArrayList<>();
        for (String frame : stream.split("\n\n")) {
            String[] lines = frame.split("\n");
            assertThat(lines).hasSize(2);
            JsonNode event = LiveServer.json(lines[1].substring("data: ".length()));
            assertThat(lines[0]).isEqualTo("event: " + event.get("type").stringValue());
            events.add(event);
        }
        return events;
    }

    @Test
    void aMessageIsAnsweredWithBlocksUsageAndCost() throws Exception {
        JsonNode message = server.answer(PATH, body("\"system\":\"be kind\""));

        assertThat(message.get("id").stringValue()).startsWith("msg_");
        assertThat(message.get("type").stringValue()).isEqualTo("message");
        assertThat(message.get("role").stringValue()).isEqualTo("assistant");
        assertThat(message.get("content").toString())
                .isEqualTo("[{\"type\":\"text\",\"text\":\"Hello Zoë. Bye\"}]");
        assertThat(message.get("stop_reason").stringValue()).isEqualTo("end_turn");
        assertThat(message.get("stop_sequence").isNull()).isTrue();
        JsonNode usage = message.get("usage");
        int prompt = usage.get("input_tokens").intValue()
                + usage.get("cache_read_input_tokens").intValue();
        assertThat(usage.at("/cost_details/nano_usd").longValue())
                .isEqualTo(prompt * RecordingMeter.PROMPT_NANO_USD
                        + usage.get("output_tokens").intValue()
                                * RecordingMeter.COMPLETION_NANO_USD);
        assertThat(server.meter().opened()).anyMatch(request -> request.endpoint().equals(PATH)
                && request.requestId().equals(message.get("id").stringValue()));
    }

    @Test
    void aStreamHasAnthropicsEventsInTheirOrder() throws Exception {
        List<JsonNode> events = events(server.post(PATH, body("\"stream\":true")).body());

        assertThat(events).extracting(event -> event.get("type").stringValue())
                .startsWith("message_start", "content_block_start", "content_block_delta")
                .endsWith("content_block_stop", "message_delta", "message_stop");
        StringBuilder text = new StringBuilder();
        events.forEach(event -> text.append(event.at("/delta/text").stringValue("")));
        assertThat(text).hasToString("Hello Zoë. Bye");
        assertThat(events.getFirst().at("/message/usage/input_tokens").intValue()).isPositive();
        assertThat(events.getFirst().at("/message/content")).isEmpty();
        JsonNode last = events.get(events.size() - 2);
        assertThat(last.at("/delta/stop_reason").stringValue()).isEqualTo("end_turn");
        assertThat(last.at("/usage/cost").doubleValue()).isPositive();
    }

    @Test
    void whatEndedTheAnswerIsSaid() throws Exception {
        JsonNode stopped = server.answer(PATH, body("\"stop_sequences\":[\"Zz\",\" Bye\"]"));
        JsonNode cut = server.answer(PATH, body("").replace("64", "3"));

        assertThat(stopped.get("stop_reason").stringValue()).isEqualTo("stop_sequence");
        assertThat(stopped.get("stop_sequence").stringValue()).isEqualTo(" Bye");
        assertThat(stopped.at("/content/0/text").stringValue()).isEqualTo("Hello Zoë.");
        assertThat(cut.get("stop_reason").stringValue()).isEqualTo("max_tokens");
    }

    @Test
    void tokensAreCountedWithoutAnAnswer() throws Exception {
        int opened = server.meter().opened().size();
        int counted = server.answer(PATH + "/count_tokens", body("")).get("input_tokens")
                .intValue();
        JsonNode usage = server.answer(PATH, body("")).get("usage");

        assertThat(counted).isEqualTo(usage.get("input_tokens").intValue()
                + usage.get("cache_read_input_tokens").intValue());
        assertThat(server.meter().opened()).hasSize(opened + 1);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {"\"temperature\":1.5 | temperature",
        "\"max_tokens\":0 | max_tokens", "\"thinking\":{\"type\":\"enabled\"} | budget_tokens",
        "\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":2000} | less than max_tokens",
        "\"thinking\":{\"type\":\"much\"} | thinking.type",
        "\"stop_sequences\":[\"a\",\"b\",\"c\",\"d\",\"e\"] | stop_sequences",
        "\"mcp_servers\":[] | mcp_servers", "\"tool_choice\":{\"type\":\"maybe\"} | tool_choice",
        "\"tools\":[{\"type\":\"web_search_20250305\",\"name\":\"web_search\"}] | tools[0].type",
        "\"messages\":[] | messages", "\"system\":[{\"type\":\"image\"}] | system[0].type",
        "\"messages\":[{\"role\":\"system\",\"content\":\"a\"}] | field system",
        "\"messages\":[{\"role\":\"assistant\",\"content\":\"a\"}] | cannot continue",
        "\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image\"}]}] | text only",
        "\"output_config\":{\"format\":{\"type\":\"xml\"}} | output_config.format.type"})
    void whatCannotBeHonouredIsRefused(String fields, String reason) throws Exception {
        String body = fields.startsWith("\"messages\"") || fields.startsWith("\"max_tokens\"")
                ? body("").replaceFirst(fields.startsWith("\"max_tokens\"")
                        ? "\"max_tokens\":64"
                        : "\"messages\":.*]", java.util.regex.Matcher.quoteReplacement(fields))
                : body(fields);
        HttpResponse<String> refused = server.post(PATH, body);

        assertThat(refused.statusCode()).as(refused.body()).isEqualTo(400);
        assertThat(error(refused).get("type").stringValue()).isEqualTo("invalid_request_error");
        assertThat(error(refused).get("message").stringValue()).contains(reason);
    }

    @Test
    void errorsOfEveryKindHaveAnthropicsShape() throws Exception {
        assertThat(error(server.post(PATH, body("").replace("scripted", "claude")))
                .get("type").stringValue()).isEqualTo("not_found_error");
        assertThat(error(server.get(PATH)).get("type").stringValue())
                .isEqualTo("invalid_request_error");
        assertThat(error(server.post(PATH, "{")).get("message").stringValue())
                .contains("not valid JSON");
        assertThat(error(server.post(PATH + "/batches", "{}")).get("type").stringValue())
                .isEqualTo("not_found_error");
    }

    @Test
    void aFailureWithinAStreamIsAnEvent() throws Exception {
        try (LiveServer failing = LiveServer.endless(0).start()) {
            failing.pass().poisonWhen(row -> row.computedTokens() > 30);
            List<JsonNode> events = events(failing.post(PATH,
                    body("\"stream\":true").replace("64", "400")).body());

            assertThat(events.getLast().get("type").stringValue()).isEqualTo("error");
            assertThat(events.getLast().at("/error/type").stringValue()).isEqualTo("api_error");
        }
    }

    @Test
    void aClientThatLeavesCancelsItsAnswer() throws Exception {
        try (LiveServer endless = LiveServer.endless(2_000_000).start()) {
            try (RawClient client = new RawClient(endless.port())) {
                client.post(PATH, body("\"stream\":true").replace("64", "400"));
                client.readUntil("content_block_delta");
            }
            Awaitility.await().untilAsserted(() -> assertThat(endless.meter().finished())
                    .extracting(end -> end.reason()).containsExactly(FinishReason.CANCELLED));
        }
    }
}
