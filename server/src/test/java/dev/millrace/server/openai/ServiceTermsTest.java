package dev.millrace.server.openai;

import dev.millrace.engine.EngineSettings;
import dev.millrace.engine.FinishReason;
import dev.millrace.engine.fixtures.NextToken;
import dev.millrace.engine.fixtures.Requests;
import dev.millrace.engine.fixtures.ScriptedForwardPass;
import dev.millrace.server.fixtures.Chat;
import dev.millrace.server.fixtures.LiveServer;
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
}
