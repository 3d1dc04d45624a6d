package dev.millrace.server.openai;

import dev.millrace.engine.EngineSettings;
import dev.millrace.engine.FinishReason;
import dev.millrace.engine.fixtures.NextToken;
import dev.millrace.engine.fixtures.Requests;
import dev.millrace.engine.fixtures.ScriptedForwardPass;
import dev.millrace.server.fixtures.Chat;
import dev.millrace.server.fixtures.LiveServer;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

import static org.assertj.core.api.Assertions.*;

/** When a request is to be served: tier, priority and timeout over HTTP. */
class ServiceTermsTest {

    private static LiveServer server;

    @BeforeAll
    static void start() {
        server = LiveServer.with(new ScriptedForwardPass(NextToken.letters()).takes(2_000_000, 0))
                .start();
    }

    @AfterAll
    static void stop() {
        server.close();
    }

    @ParameterizedTest
    @CsvSource({"auto,default", "default,default", "flex,flex", "priority,priority"})
    void tellsTheTierThatARequestWasServedAt(String asked, String served) throws Exception {
        JsonNode answer = server.answer(Chat.PATH,
                Chat.body("\"max_tokens\": 2, \"service_tier\": \"" + asked + "\""));

        assertThat(answer.get("service_tier").stringValue()).isEqualTo(served);
    }

    @Test
    void anAnswerWhoseTimeIsOverEndsWithWhatThereIsAndIsPaidFor() throws Exception {
        JsonNode answer = server.answer(Chat.PATH, Chat.body("\"timeout\": 0.2"));

        assertThat(answer.at("/choices/0/finish_reason").stringValue()).isEqualTo("length");
        assertThat(answer.at("/usage/completion_tokens").intValue()).isBetween(1, 110);
        assertThat(answer.at("/usage/cost").isNumber()).isTrue();
        assertThat(server.meter().finished()).anySatisfy(
                end -> assertThat(end.reason()).isEqualTo(FinishReason.DEADLINE));
    }

    @Test
    void aRequestWhoseTimeIsOverBeforeItsFirstTokenIsRefused() throws Exception {
        EngineSettings one = new EngineSettings(1, 64, LiveServer.CONTEXT_TOKENS, 8, 4096, true);
        try (LiveServer busy = LiveServer.endless(20_000_000).settings(one).start()) {
            busy.engine().submit(Requests.of("long", "go", 400));

            HttpResponse<String> response = busy.post(Chat.PATH, Chat.body("\"timeout\": 0.1"));

            assertThat(response.statusCode()).isEqualTo(408);
            assertThat(response.body()).contains("before its first token");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"\"service_tier\": \"scale\"", "\"service_tier\": 1",
        "\"priority\": 101", "\"priority\": 0.5", "\"timeout\": 0", "\"timeout\": -1",
        "\"timeout\": 86401", "\"timeout\": \"soon\""})
    void refusesWhatIsNoTermAndNamesTheField(String field) throws Exception {
        HttpResponse<String> response = server.post(Chat.PATH, Chat.body(field));

        assertThat(response.statusCode()).isEqualTo(400);
        assertThat(LiveServer.json(response.body()).at("/error/param").stringValue())
                .isEqualTo(field.substring(1, field.indexOf(':') - 1));
    }

    private static HttpResponse<String> within(LiveServer server, String seconds, String fields)
            throws Exception {
        HttpRequest plain = server.jsonRequest(Chat.PATH, Chat.body(fields));
        return server.send(HttpRequest.newBuilder(plain, (name, value) -> true)
                .header("X-Request-Timeout", seconds).build());
    }

    @Test
    void aHeaderLimitsTheTimeTooAndTheShorterLimitHolds() throws Exception {
        JsonNode answer = LiveServer.json(within(server, "0.2", "\"timeout\": 80").body());

        assertThat(answer.at("/choices/0/finish_reason").stringValue()).isEqualTo("length");
        assertThat(answer.at("/usage/completion_tokens").intValue()).isBetween(1, 110);
    }

    @ParameterizedTest
    @ValueSource(strings = {"0", "-1", "soon", "86401", "NaN"})
    void refusesAHeaderThatIsNoTime(String seconds) throws Exception {
        HttpResponse<String> response = within(server, seconds, "\"max_tokens\": 2");

        assertThat(response.statusCode()).isEqualTo(400);
        assertThat(LiveServer.json(response.body()).at("/error/param").stringValue())
                .isEqualTo("X-Request-Timeout");
    }

    /** One choice has the only place; the other never gets it. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aChoiceWhoseTimeIsOverBeforeItBeganLeavesTheOthers(boolean stream) throws Exception {
        EngineSettings one = new EngineSettings(1, 64, LiveServer.CONTEXT_TOKENS, 8, 4096, true);
        try (LiveServer busy = LiveServer.endless(20_000_000).settings(one).start()) {
            HttpResponse<String> response = busy.post(Chat.PATH, Chat.body(
                    "\"n\": 2, \"timeout\": 0.5, \"stream\": " + stream));

            assertThat(response.statusCode()).isEqualTo(200);
            if (stream) {
                assertThat(response.body()).contains("[DONE]").doesNotContain("\"error\"");
                assertThat(response.body().split("\"finish_reason\":\"length\"", -1))
                        .hasSize(3);
            } else {
                JsonNode choices = LiveServer.json(response.body()).get("choices");
                assertThat(choices).hasSize(2);
                assertThat(choices.get(0).at("/message/content").asString()).isNotEmpty();
                assertThat(choices.get(1).get("finish_reason").asString()).isEqualTo("length");
            }
        }
    }
}
