package dev.millrace.server.openai;

import dev.millrace.engine.fixtures.FakeTokenizer;
import dev.millrace.engine.fixtures.NextToken;
import dev.millrace.engine.fixtures.ScriptedForwardPass;
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

import static org.assertj.core.api.Assertions.*;

/** Prompts in answers: echoed, and with what the model made of them. */
@Timeout(300)
class PromptLogprobsOverHttpTest {

    private static LiveServer server;

    @BeforeAll
    static void start() {
        server = LiveServer.with(new ScriptedForwardPass(NextToken.letters())).start();
    }

    @AfterAll
    static void stop() {
        server.close();
    }

    private static JsonNode complete(String prompt, String more) throws Exception {
        return server.answer(Chat.COMPLETIONS, Chat.completion(prompt, more.replace('\'', '"')));
    }

    private static int token(char letter) {
        return FakeTokenizer.FIRST_BYTE + letter;
    }

    @Test
    void everyTokenOfAPromptButTheFirstHasItsProbabilityAndRank() throws Exception {
        JsonNode answer = complete("\"ab\"", "'prompt_logprobs': 2, 'max_tokens': 1");

        JsonNode prompt = answer.at("/choices/0/prompt_logprobs");
        assertThat(prompt).hasSize(3);
        assertThat(prompt.get(0).isNull()).isTrue();
        JsonNode own = prompt.get(1).get(Integer.toString(token('a')));
        assertThat(own.get("decoded_token").stringValue()).isEqualTo("a");
        assertThat(own.get("rank").intValue()).isEqualTo(token('a'));
        assertThat(own.get("logprob").doubleValue()).isEqualTo(-token('a'));
        assertThat(prompt.get(1)).as("its own and two likelier ones").hasSize(3);
        assertThat(answer.at("/choices/0/logprobs").isNull()).isTrue();
    }

    @Test
    void aChatHasThemBesideItsChoices() throws Exception {
        JsonNode answer = server.answer(Chat.PATH,
                Chat.body("\"prompt_logprobs\": 0, \"max_tokens\": 1, \"n\": 2"));

        int promptTokens = answer.at("/usage/prompt_tokens").intValue();
        assertThat(answer.get("prompt_logprobs")).hasSize(promptTokens);
        assertThat(answer.get("prompt_logprobs").get(1)).hasSize(1);
    }

    @Test
    void aPromptIsEchoed() throws Exception {
        String alone = complete("\"a€b\"", "'max_tokens': 4").at("/choices/0/text").stringValue();

        JsonNode answer = complete("[\"a€b\", [0, 99]]", "'max_tokens': 4, 'echo': true, 'n': 2");

        assertThat(answer.get("choices")).hasSize(4);
        assertThat(answer.at("/choices/1/text").stringValue()).isEqualTo("a€b" + alone);
        assertThat(answer.at("/choices/2/text").stringValue()).startsWith("a").hasSize(5);
        assertThat(answer.at("/choices/0/logprobs").isNull()).isTrue();
    }

    @Test
    void anEchoHasTheLogProbabilitiesOfItsTokensToo() throws Exception {
        JsonNode answer = complete("\"ab\"",
                "'max_tokens': 2, 'echo': true, 'logprobs': 1, 'n': 2, 'best_of': 3");

        assertThat(answer.get("choices")).hasSize(2);
        for (JsonNode choice : answer.get("choices")) {
            JsonNode logprobs = choice.get("logprobs");
            assertThat(logprobs.get("tokens")).hasSize(5);
            assertThat(logprobs.get("tokens").toString()).startsWith("[\"<s>\",\"a\",\"b\"");
            assertThat(logprobs.get("text_offset").toString()).isEqualTo("[0,0,1,2,3]");
            assertThat(logprobs.get("token_logprobs").get(0).isNull()).isTrue();
            assertThat(logprobs.get("token_logprobs").get(2).doubleValue())
                    .isEqualTo(-token('b'));
            assertThat(logprobs.get("top_logprobs").get(0).isNull()).isTrue();
            assertThat(logprobs.get("top_logprobs").get(1)).hasSize(1);
            assertThat(choice.has("prompt_logprobs")).isFalse();
        }
    }

    @Test
    void aStreamBeginsWithTheEcho() throws Exception {
        String body = server.post(Chat.COMPLETIONS, Chat.completion("\"ab\"",
                "\"max_tokens\": 2, \"echo\": true, \"stream\": true")).body();

        JsonNode first = LiveServer.json(body.substring("data: ".length(), body.indexOf("\n\n")));
        assertThat(first.at("/choices/0/text").stringValue()).isEqualTo("ab");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
        "prompt_logprobs | 'prompt_logprobs': -1 | between 0 and 20, got -1",
        "prompt_logprobs | 'prompt_logprobs': 21 | between 0 and 20, got 21",
        "prompt_logprobs | 'prompt_logprobs': 1, 'stream': true | cannot be streamed",
        "echo | 'echo': true, 'logprobs': 1, 'stream': true | cannot be streamed",
        "echo | 'echo': 'yes' | must be true or false"})
    void whatCannotBeReportedIsRefused(String field, String more, String reason)
            throws Exception {
        HttpResponse<String> response = server.post(Chat.COMPLETIONS,
                Chat.completion("\"a\"", more.replace('\'', '"')));

        assertThat(response.statusCode()).isEqualTo(400);
        JsonNode error = LiveServer.json(response.body()).get("error");
        assertThat(error.get("param").stringValue()).isEqualTo(field);
        assertThat(error.get("message").stringValue()).contains(reason);
    }

    @Test
    void aReportHasALargestSize() throws Exception {
        String prompt = "\"" + "x".repeat(400) + "\"";
        String prompts = "[" + (prompt + ",").repeat(31) + prompt + "]";

        String message = complete(prompts, "'prompt_logprobs': 20, 'max_tokens': 1")
                .at("/error/message").stringValue();

        assertThat(message).contains("269472 entries").contains("at most 262144");
    }
}
