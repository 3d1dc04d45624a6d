package dev.millrace.server.openai;

import dev.millrace.engine.FinishReason;
import dev.millrace.engine.fixtures.FakeTokenizer;
import dev.millrace.engine.fixtures.NextToken;
import dev.millrace.engine.fixtures.ScriptedForwardPass;
import dev.millrace.server.fixtures.Chat;
import dev.millrace.server.fixtures.LiveServer;
import dev.millrace.server.fixtures.RawClient;
import dev.millrace.server.openai.wire.HttpLimits;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import tools.jackson.databind.JsonNode;

import static org.assertj.core.api.Assertions.*;

@Timeout(300)
class ChatStreamTest {

    private static final String DATA = "data: ";

    private LiveServer server = LiveServer.saying("Zoë");

    @AfterEach
    void stop() {
        server.close();
    }

    private void restart(LiveServer.Setup setup) {
        server.close();
        server = setup.start();
    }

    private String stream(String more) throws Exception {
        return server.post(Chat.PATH, Chat.body("\"stream\": true" + more)).body();
    }

    /** The chunks of a stream that ends well. */
    private static List<JsonNode> chunks(String stream) {
        assertThat(stream).endsWith("\n\ndata: [DONE]\n\n");
        List<JsonNode> chunks = new ArrayList<>();
        for (String event : stream.split("\n\n")) {
            assertThat(event).startsWith(DATA).doesNotContain("\n");
            if (!event.equals("data: [DONE]")) {
                chunks.add(LiveServer.json(event.substring(DATA.length())));
            }
        }
        return chunks;
    }

    private static String text(List<JsonNode> chunks, int choice) {
        StringBuilder text = new StringBuilder();
        for (JsonNode chunk : chunks) {
            for (JsonNode part : chunk.get("choices").values()) {
                if (part.get("index").intValue() == choice) {
                    text.append(part.at("/delta/content").stringValue(""));
                }
            }
        }
        return text.toString();
    }

    @Test
    void aStreamIsFramedExactlyAsOpenAiFramesIt() throws Exception {
        HttpResponse<String> response = server.post(Chat.PATH, Chat.body("\"stream\": true"));

        assertThat(response.statusCode()).isEqualTo(200);
        assertThat(response.headers().firstValue("content-type").orElseThrow())
                .startsWith("text/event-stream");
        assertThat(response.headers().firstValue("cache-control")).contains("no-cache");
        String body = response.body();
        JsonNode first = chunks(body).getFirst();
        String frame = "data: {\"id\":\"" + first.get("id").stringValue()
                + "\",\"object\":\"chat.completion.chunk\",\"created\":"
                + first.get("created").longValue() + ",\"model\":\"scripted\","
                + "\"service_tier\":\"default\",\"choices\":["
                + "{\"index\":0,\"delta\":%s,\"logprobs\":null,\"finish_reason\":%s}]}\n\n";
        assertThat(body).isEqualTo(
                frame.formatted("{\"role\":\"assistant\",\"content\":\"\"}", "null")
                        + frame.formatted("{\"content\":\"Z\"}", "null")
                        + frame.formatted("{\"content\":\"o\"}", "null")
                        + frame.formatted("{\"content\":\"ë\"}", "null")
                        + frame.formatted("{}", "\"stop\"") + "data: [DONE]\n\n");
    }

    @Test
    void usageComesLastAndIsNullBefore() throws Exception {
        List<JsonNode> chunks = chunks(stream(",\"stream_options\": {\"include_usage\": true}"));

        for (JsonNode chunk : chunks.subList(0, chunks.size() - 1)) {
            assertThat(chunk.get("usage").isNull()).isTrue();
            assertThat(chunk.get("choices")).hasSize(1);
        }
        JsonNode last = chunks.getLast();
        assertThat(last.get("choices")).isEmpty();
        assertThat(last.at("/usage/completion_tokens").intValue()).isEqualTo(5);
        assertThat(last.at("/usage/cost_details/nano_usd").longValue()).isPositive();
    }

    @Test
    void withoutAskingThereIsNoUsageButTheRowIsWritten() throws Exception {
        assertThat(stream("")).doesNotContain("usage");
        assertThat(server.meter().finished()).hasSize(1);
        assertThat(server.meter().openAccounts()).isZero();
    }

    @Test
    void aCharacterIsNeverSplitBetweenChunks() throws Exception {
        String text = "日本語 🙂🙃 ¿qué?";
        restart(LiveServer.with(new ScriptedForwardPass(NextToken.answer(text))));

        List<JsonNode> chunks = chunks(stream(""));

        assertThat(text(chunks, 0)).isEqualTo(text);
        assertThat(chunks).hasSize(2 + (int) text.codePoints().count());
    }

    @Test
    void anAnswerThatEndsWithinACharacterEndsWithAReplacementCharacter() throws Exception {
        assertThat(text(chunks(stream(",\"max_tokens\": 3")), 0)).isEqualTo("Zo\uFFFD");
    }

    @Test
    void aStopSequenceIsHeldBackUntilItIsCertain() throws Exception {
        restart(LiveServer.with(new ScriptedForwardPass(NextToken.answer("one END no END. two"))));

        List<JsonNode> chunks = chunks(stream(",\"stop\": \"END.\""));

        assertThat(text(chunks, 0)).isEqualTo("one END no ");
        assertThat(chunks.getLast().at("/choices/0/finish_reason").stringValue())
                .isEqualTo("stop");
    }

    @Test
    void everyChoiceHasItsOwnOpeningTextAndEnd() throws Exception {
        List<JsonNode> chunks = chunks(
                stream(",\"n\": 3,\"stream_options\": {\"include_usage\": true}"));

        for (int choice = 0; choice < 3; choice++) {
            int index = choice;
            List<JsonNode> own = chunks.stream()
                    .filter(chunk -> chunk.at("/choices/0/index").intValue(-1) == index).toList();
            assertThat(own.getFirst().at("/choices/0/delta/role").stringValue())
                    .isEqualTo("assistant");
            assertThat(own.getLast().at("/choices/0/finish_reason").stringValue())
                    .isEqualTo("stop");
            assertThat(text(chunks, choice)).isEqualTo("Zoë");
        }
        assertThat(chunks.getLast().at("/usage/completion_tokens").intValue()).isEqualTo(15);
    }

    @Test
    void logProbabilitiesTravelWithTheTextTheyBelongTo() throws Exception {
        List<JsonNode> chunks = chunks(stream(",\"logprobs\": true"));

        JsonNode twoBytes = chunks.get(3);
        assertThat(twoBytes.at("/choices/0/delta/content").stringValue()).isEqualTo("ë");
        assertThat(twoBytes.at("/choices/0/logprobs/content")).hasSize(2);
        long tokens = chunks.stream()
                .mapToLong(chunk -> chunk.at("/choices/0/logprobs/content").size()).sum();
        assertThat(tokens).isEqualTo(4);
    }

    @Test
    void aGenerationThatFailsMidwayEndsItsStreamWithAnError() throws Exception {
        restart(LiveServer.with(new ScriptedForwardPass(NextToken.answer("good then bad!"))
                .poisonedBy(FakeTokenizer.FIRST_BYTE + 'b')));

        String stream = stream("");

        String last = stream.substring(stream.lastIndexOf(DATA));
        JsonNode error = LiveServer.json(last.substring(DATA.length())).get("error");
        assertThat(error.get("type").stringValue()).isEqualTo("server_error");
        assertThat(stream).contains("\"content\":\"g\"").doesNotContain("[DONE]");
        assertThat(server.meter().finished()).singleElement()
                .satisfies(end -> assertThat(end.reason()).isEqualTo(FinishReason.FAILED));
    }

    @Test
    void aGenerationThatFailsAtOnceHasAnHonestStatus() throws Exception {
        restart(LiveServer.with(new ScriptedForwardPass(NextToken.letters()).failAtStep(1)));

        HttpResponse<String> response = server.post(Chat.PATH, Chat.body("\"stream\": true"));

        assertThat(response.statusCode()).isEqualTo(500);
        assertThat(LiveServer.json(response.body()).at("/error/code").stringValue())
                .isEqualTo("internal_error");
    }

    @Test
    void aSilentStreamIsKeptAliveByComments() throws Exception {
        HttpLimits limits = Limits.with(Duration.ofMillis(50), Duration.ofMillis(20));
        restart(LiveServer.endless(Duration.ofMillis(400).toNanos()).limits(limits));

        try (RawClient client = new RawClient(server.port())) {
            client.post(Chat.PATH, Chat.body("\"stream\": true, \"max_tokens\": 2"));

            assertThat(client.readUntil("data: ")).contains(": keep-alive\n\n");
            client.readUntil("[DONE]");
        }
    }
}
