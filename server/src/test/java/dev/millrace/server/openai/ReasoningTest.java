package dev.millrace.server.openai;

import dev.millrace.engine.fixtures.NextToken;
import dev.millrace.engine.fixtures.ScriptedForwardPass;
import dev.millrace.models.template.ChatTemplate;
import dev.millrace.server.fixtures.Chat;
import dev.millrace.server.fixtures.LiveServer;
import java.net.http.HttpResponse;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;

import static org.assertj.core.api.Assertions.assertThat;

/** How much a model thinks, on the wire: a script that keeps to its masks. */
@Timeout(600)
class ReasoningTest {

    private static final String THOUGHT = "So many words to think.";
    private static final String SAID = "<think>" + THOUGHT + "</think>\n\nYes.";
    /** Says what it was given, so that the number of the prompt's tokens tells. */
    private static final String TEMPLATE = "{% if enable_thinking is defined and not "
            + "enable_thinking %}{% set end = '<think></think>' %}{% endif %}"
            + "{{ messages[0].content }}{{ extra }}{{ end }}";

    private static LiveServer server;
    private static LiveServer plain;

    @BeforeAll
    static void start() {
        server = saying(SAID, TEMPLATE);
        plain = LiveServer.saying("Yes.");
    }

    private static LiveServer saying(String text, String template) {
        return LiveServer.with(new ScriptedForwardPass(NextToken.answer(text)).draws(50))
                .template(ChatTemplate.compile(template)).start();
    }

    @AfterAll
    static void stop() {
        server.close();
        plain.close();
    }

    private static JsonNode message(LiveServer server, String field) throws Exception {
        return server.answer(Chat.PATH, Chat.body("\"temperature\": 0, " + field.replace('\'',
                '"'))).at("/choices/0/message");
    }

    private static String thought(JsonNode message) {
        return message.path("reasoning_content").asString("");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {"'thinking_token_budget': 12 | 12",
        "'max_reasoning_tokens': 7 | 7", "'thinking_token_budget': 0 | 7",
        "'thinking_token_budget': 1000 | 30",
        "'reasoning_effort': 'low', 'max_tokens': 100 | 20", "'reasoning_effort': 'high' | 30"})
    void aThoughtEndsWhereItsTokensAreSpent(String field, int tokens) throws Exception {
        JsonNode message = message(server, field);
        String expected = THOUGHT.substring(0, Math.min(THOUGHT.length(),
                tokens - "<think>".length())).strip();

        assertThat(thought(message)).isEqualTo(expected);
        // The script starts anew where its thought was cut short: then all of it is content.
        assertThat(message.get("content").stringValue())
                .isEqualTo(expected.equals(THOUGHT) ? "Yes." : SAID);
    }

    @Test
    void anEffortOfNoneClosesTheThoughtInThePrompt() throws Exception {
        for (String field : new String[]{"'reasoning_effort': 'none'",
            "'chat_template_kwargs': {'enable_thinking': false}"}) {
            JsonNode answer = server.answer(Chat.PATH, Chat.body(field.replace('\'', '"')));

            assertThat(answer.at("/usage/prompt_tokens").intValue())
                    .isEqualTo("<hi".length() + "<think></think>".length());
        }
    }

    @Test
    void whereTheTemplateCannotEffortOfNoneForcesTheEnd() throws Exception {
        try (LiveServer always = saying(THOUGHT + "</think>Yes.",
                "{{ messages[0].content }}<think>\n")) {
            assertThat(thought(message(always, "'max_tokens': 50"))).isEqualTo(THOUGHT);
            JsonNode message = message(always, "'reasoning_effort': 'none'");

            assertThat(thought(message)).isEmpty();
            assertThat(message.get("content").stringValue()).isEqualTo(THOUGHT + "</think>Yes.");
        }
    }

    @Test
    void theBudgetHoldsTogetherWithWhatTheAnswerMustBe() throws Exception {
        JsonNode message = message(server, "'thinking_token_budget': 10, 'guided_choice': "
                + "['maybe', 'no'], 'seed': 3");

        assertThat(thought(message)).isEqualTo("So");
        assertThat(message.get("content").stringValue()).isIn("maybe", "no");
    }

    @Test
    void variablesReachTheTemplate() throws Exception {
        JsonNode answer = server.answer(Chat.PATH,
                Chat.body("\"chat_template_kwargs\": {\"extra\": \"12345\"}"));

        assertThat(answer.at("/usage/prompt_tokens").intValue()).isEqualTo("<hi12345".length());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
        "'reasoning_effort': 'much' | reasoning_effort | invalid_value",
        "'reasoning_effort': 5 | reasoning_effort | invalid_type",
        "'thinking_token_budget': -1 | thinking_token_budget | invalid_value",
        "'max_reasoning_tokens': 1.5 | max_reasoning_tokens | invalid_type",
        "'chat_template_kwargs': [] | chat_template_kwargs | invalid_type",
        "'chat_template_kwargs': {'messages': []} | chat_template_kwargs.messages "
                + "| invalid_value"})
    void whatIsWrongIsRefused(String field, String param, String code) throws Exception {
        expectRefusal(server, field, param, code);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
        "'reasoning_effort': 'high' | reasoning_effort",
        "'thinking_token_budget': 5 | thinking_token_budget",
        "'max_reasoning_tokens': 5 | max_reasoning_tokens"})
    void aModelThatDoesNotThinkSaysSo(String field, String param) throws Exception {
        expectRefusal(plain, field, param, "unsupported_parameter");
        assertThat(message(plain, "'reasoning_effort': 'none'").get("content").stringValue())
                .isEqualTo("Yes.");
    }

    private static void expectRefusal(LiveServer server, String field, String param, String code)
            throws Exception {
        HttpResponse<String> response = server.post(Chat.PATH, Chat.body(field.replace('\'', '"')));

        assertThat(response.statusCode()).as(response.body()).isEqualTo(400);
        JsonNode error = LiveServer.json(response.body()).get("error");
        assertThat(error.get("param").stringValue()).isEqualTo(param);
        assertThat(error.get("code").stringValue()).isEqualTo(code);
    }
}
