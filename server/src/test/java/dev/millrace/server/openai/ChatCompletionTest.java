package dev.millrace.server.openai;

import dev.millrace.engine.FinishReason;
import dev.millrace.engine.fixtures.FakeTokenizer;
import dev.millrace.models.template.ChatTemplate;
import dev.millrace.server.fixtures.Chat;
import dev.millrace.server.fixtures.LiveServer;
import dev.millrace.server.metering.MeteredRequest;
import java.net.http.HttpResponse;
import java.time.Instant;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import tools.jackson.databind.JsonNode;

import static dev.millrace.server.fixtures.RecordingMeter.*;
import static org.assertj.core.api.Assertions.*;

@Timeout(300)
class ChatCompletionTest {

    private static final String GREETING = "Guten Tag, Zoë! 你好 🙂";

    private LiveServer server = LiveServer.saying(GREETING);

    @AfterEach
    void stop() {
        server.close();
    }

    private void restart(LiveServer.Setup setup) {
        server.close();
        server = setup.start();
    }

    private JsonNode chat(String more) throws Exception {
        return server.answer(Chat.PATH, Chat.body(more));
    }

    @Test
    void anAnswerHasEveryFieldThatTheDescriptionRequires() throws Exception {
        long before = Instant.now().getEpochSecond();
        HttpResponse<String> response = server.post(Chat.PATH, Chat.body(""));

        assertThat(response.statusCode()).isEqualTo(200);
        assertThat(response.headers().firstValue("content-type")).contains("application/json");
        assertThat(response.headers().firstValue("x-request-id")).isPresent();
        JsonNode answer = LiveServer.json(response.body());
        assertThat(answer.get("id").stringValue()).matches("chatcmpl-[0-9a-f]{32}");
        assertThat(answer.get("object").stringValue()).isEqualTo("chat.completion");
        assertThat(answer.get("created").longValue())
                .isBetween(before, Instant.now().getEpochSecond());
        assertThat(answer.get("model").stringValue()).isEqualTo(LiveServer.MODEL);
        assertThat(answer.get("choices")).hasSize(1);
        JsonNode choice = answer.get("choices").get(0);
        assertThat(choice.get("index").intValue()).isZero();
        assertThat(choice.get("finish_reason").stringValue()).isEqualTo("stop");
        assertThat(choice.get("logprobs").isNull()).isTrue();
        assertThat(choice.get("message").get("role").stringValue()).isEqualTo("assistant");
        assertThat(choice.get("message").get("content").stringValue()).isEqualTo(GREETING);
        assertThat(choice.get("message").get("refusal").isNull()).isTrue();
    }

    @Test
    void usageCountsTokensAndSaysWhatTheyCost() throws Exception {
        JsonNode usage = chat("").get("usage");

        int prompt = "<user:hi;assistant:".length();
        int completion = new FakeTokenizer().encode(GREETING, false).length + 1;
        assertThat(usage.get("prompt_tokens").intValue()).isEqualTo(prompt);
        assertThat(usage.get("completion_tokens").intValue()).isEqualTo(completion);
        assertThat(usage.get("total_tokens").intValue()).isEqualTo(prompt + completion);
        assertThat(usage.at("/prompt_tokens_details/cached_tokens").intValue()).isZero();
        assertThat(usage.at("/completion_tokens_details/reasoning_tokens").intValue()).isZero();
        long nanoUsd = prompt * PROMPT_NANO_USD + completion * COMPLETION_NANO_USD;
        assertThat(usage.get("cost").decimalValue().movePointRight(9).longValueExact())
                .isEqualTo(nanoUsd);
        JsonNode details = usage.get("cost_details");
        assertThat(details.get("nano_usd").longValue()).isEqualTo(nanoUsd);
        assertThat(details.get("prefill_ms").doubleValue()).isEqualTo(2.0);
        assertThat(details.get("decode_ms").doubleValue()).isEqualTo(3.5);
        assertThat(details.get("joules").doubleValue()).isEqualTo(0.25);
        assertThat(details.get("assumed").booleanValue()).isTrue();
    }

    @Test
    void theCostIsPlainDecimalWhateverItsSize() throws Exception {
        String body = server.post(Chat.PATH, Chat.body("\"max_tokens\": 1")).body();

        assertThat(body).contains("\"cost\":0.00001901,");
    }

    @Test
    void aPromptSeenBeforeComesFromTheCache() throws Exception {
        String question = "a question that is long enough to fill a whole block of the cache";
        String body = Chat.messages("[{\"role\":\"user\",\"content\":\"" + question + "\"}]");
        server.answer(Chat.PATH, body);

        JsonNode details = server.answer(Chat.PATH, body).at("/usage/prompt_tokens_details");

        assertThat(details.get("cached_tokens").intValue()).isGreaterThan(16);
    }

    @Test
    void theLedgerIsToldTheModelTheTenantAndTheEndpoint() throws Exception {
        String id = chat("").get("id").stringValue();

        assertThat(server.meter().opened()).containsExactly(
                new MeteredRequest(id, LiveServer.MODEL, "local", "/v1/chat/completions"));
        assertThat(server.meter().openAccounts()).isZero();
    }

    @Test
    void aPriceThatIsNotKnownIsSaidToBeUnknown() throws Exception {
        server.meter().failReceipts();

        JsonNode answer = chat("");

        assertThat(answer.at("/choices/0/message/content").stringValue()).isEqualTo(GREETING);
        assertThat(answer.at("/usage/total_tokens").intValue()).isPositive();
        assertThat(answer.at("/usage/cost").isNull()).isTrue();
        assertThat(answer.at("/usage/cost_details").isNull()).isTrue();
    }

    @Test
    void theTokenLimitEndsAnAnswerWithLength() throws Exception {
        JsonNode answer = chat("\"max_completion_tokens\": 5");

        assertThat(answer.at("/choices/0/message/content").stringValue()).isEqualTo("Guten");
        assertThat(answer.at("/choices/0/finish_reason").stringValue()).isEqualTo("length");
        assertThat(answer.at("/usage/completion_tokens").intValue()).isEqualTo(5);
    }

    @Test
    void anAnswerThatIsCutWithinACharacterShowsAReplacementCharacter() throws Exception {
        int throughHalfOfTheUmlaut = "Guten Tag, Zo".length() + 1;

        JsonNode answer = chat("\"max_tokens\": " + throughHalfOfTheUmlaut);

        assertThat(answer.at("/choices/0/message/content").stringValue())
                .isEqualTo("Guten Tag, Zo\uFFFD");
    }

    @Test
    void withoutATokenLimitAnAnswerMayFillTheContext() throws Exception {
        restart(LiveServer.endless(0));

        JsonNode answer = chat("");

        assertThat(answer.at("/usage/total_tokens").intValue())
                .isEqualTo(LiveServer.CONTEXT_TOKENS);
        assertThat(answer.at("/choices/0/finish_reason").stringValue()).isEqualTo("length");
    }

    @Test
    void aStopSequenceEndsTheAnswerAndIsNotInIt() throws Exception {
        JsonNode answer = chat("\"stop\": [\"never said\", \", Zo\"]");

        assertThat(answer.at("/choices/0/message/content").stringValue()).isEqualTo("Guten Tag");
        assertThat(answer.at("/choices/0/finish_reason").stringValue()).isEqualTo("stop");
    }

    @Test
    void aSingleStopSequenceNeedsNoArray() throws Exception {
        assertThat(chat("\"stop\": \" \"").at("/choices/0/message/content").stringValue())
                .isEqualTo("Guten");
    }

    @Test
    void aStopTokenEndsTheAnswer() throws Exception {
        int space = FakeTokenizer.FIRST_BYTE + ' ';

        JsonNode answer = chat("\"stop_token_ids\": [" + space + "]");

        assertThat(answer.at("/choices/0/message/content").stringValue()).isEqualTo("Guten");
    }

    @Test
    void ignoringTheEndGoesOnToTheTokenLimit() throws Exception {
        JsonNode answer = chat("\"ignore_eos\": true, \"max_tokens\": 100");

        assertThat(answer.at("/usage/completion_tokens").intValue()).isEqualTo(100);
        assertThat(answer.at("/choices/0/finish_reason").stringValue()).isEqualTo("length");
    }

    @Test
    void severalChoicesShareOnePromptAndAddUpTheirCosts() throws Exception {
        JsonNode answer = chat("\"n\": 3");

        assertThat(answer.get("choices")).hasSize(3);
        for (int i = 0; i < 3; i++) {
            JsonNode choice = answer.get("choices").get(i);
            assertThat(choice.get("index").intValue()).isEqualTo(i);
            assertThat(choice.at("/message/content").stringValue()).isEqualTo(GREETING);
        }
        int prompt = "<user:hi;assistant:".length();
        int completion = new FakeTokenizer().encode(GREETING, false).length + 1;
        JsonNode usage = answer.get("usage");
        assertThat(usage.get("prompt_tokens").intValue()).isEqualTo(prompt);
        assertThat(usage.get("completion_tokens").intValue()).isEqualTo(3 * completion);
        assertThat(usage.at("/cost_details/nano_usd").longValue())
                .isEqualTo(3 * (prompt * PROMPT_NANO_USD + completion * COMPLETION_NANO_USD));
        String id = answer.get("id").stringValue();
        assertThat(server.meter().opened()).extracting(MeteredRequest::requestId)
                .containsExactly(id, id + "-1", id + "-2");
    }

    @Test
    void textPartsAreJoinedByLinesAndDeveloperMeansSystem() throws Exception {
        JsonNode answer = server.answer(Chat.PATH, Chat.messages("""
                [{"role": "developer", "content": "be brief"},
                 {"role": "user", "content": [{"type": "text", "text": "one"},
                                              {"type": "text", "text": "two"}]},
                 {"role": "assistant", "content": "three", "name": "clerk"},
                 {"role": "user", "content": ""}]"""));

        String prompt = "<system:be brief;user:one\ntwo;assistant:three;user:;assistant:";
        assertThat(answer.at("/usage/prompt_tokens").intValue()).isEqualTo(prompt.length());
    }

    @Test
    void whatAUserWritesNeverBecomesASpecialToken() throws Exception {
        JsonNode answer = server.answer(Chat.PATH,
                Chat.messages("[{\"role\":\"user\",\"content\":\"</s>\"}]"));

        assertThat(answer.at("/usage/prompt_tokens").intValue())
                .isEqualTo("<user:</s>;assistant:".length());
    }

    @Test
    void aConversationThatTheTemplateRefusesIsTheClientsMistake() throws Exception {
        restart(LiveServer.with(server.pass()).template(ChatTemplate.compile(
                "{{ raise_exception('tools are not for this model') }}")));
        HttpResponse<String> response = server.post(Chat.PATH, Chat.messages(
                "[{\"role\":\"tool\",\"content\":\"42\",\"tool_call_id\":\"a\"}]"));

        assertThat(response.statusCode()).isEqualTo(400);
        JsonNode error = LiveServer.json(response.body()).get("error");
        assertThat(error.get("param").stringValue()).isEqualTo("messages");
        assertThat(error.get("message").stringValue())
                .contains("tools are not for this model");
    }

    @Test
    void aModelWithoutATemplatePointsToPlainCompletions() throws Exception {
        restart(LiveServer.with(server.pass()).withoutTemplate());

        HttpResponse<String> response = server.post(Chat.PATH, Chat.body(""));

        assertThat(response.statusCode()).isEqualTo(400);
        JsonNode error = LiveServer.json(response.body()).get("error");
        assertThat(error.get("code").stringValue()).isEqualTo("no_chat_template");
        assertThat(error.get("message").stringValue()).contains("/v1/completions");
    }

    @Test
    void aGenerationThatFailsIsAnErrorAndStillHasItsRow() throws Exception {
        restart(LiveServer.with(server.pass().poisonedBy(FakeTokenizer.FIRST_BYTE + '!')));

        HttpResponse<String> response = server.post(Chat.PATH, Chat.body(""));

        assertThat(response.statusCode()).isEqualTo(500);
        JsonNode error = LiveServer.json(response.body()).get("error");
        assertThat(error.get("type").stringValue()).isEqualTo("server_error");
        assertThat(server.meter().finished()).singleElement()
                .satisfies(end -> assertThat(end.reason()).isEqualTo(FinishReason.FAILED));
    }

    @Test
    void logProbabilitiesComeWithBytesAndAlternatives() throws Exception {
        JsonNode logprobs = chat("\"logprobs\": true, \"top_logprobs\": 2")
                .at("/choices/0/logprobs");

        assertThat(logprobs.get("refusal").isNull()).isTrue();
        JsonNode content = logprobs.get("content");
        assertThat(content).hasSize(new FakeTokenizer().encode(GREETING, false).length);
        JsonNode first = content.get(0);
        assertThat(first.get("token").stringValue()).isEqualTo("G");
        assertThat(first.get("bytes").get(0).intValue()).isEqualTo('G');
        assertThat(first.get("logprob").doubleValue()).isLessThanOrEqualTo(0);
        assertThat(first.get("top_logprobs")).hasSize(2);
        assertThat(first.get("top_logprobs").get(0).get("token").stringValue()).isEqualTo("G");
    }
}
