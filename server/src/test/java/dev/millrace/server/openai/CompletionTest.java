package dev.millrace.server.openai;

import dev.millrace.engine.fixtures.FakeTokenizer;
import dev.millrace.server.fixtures.Chat;
import dev.millrace.server.fixtures.LiveServer;
import java.net.http.HttpResponse;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

import static org.assertj.core.api.Assertions.*;

@Timeout(300)
class CompletionTest {

    private final LiveServer server = LiveServer.saying("a mill by the river");

    @AfterEach
    void stop() {
        server.close();
    }

    private JsonNode complete(String prompt, String more) throws Exception {
        return server.answer(Chat.COMPLETIONS, Chat.completion(prompt, more));
    }

    @Test
    void anAnswerHasEveryFieldThatTheDescriptionRequires() throws Exception {
        JsonNode answer = complete("\"Once: \"", "\"max_tokens\": 100");

        assertThat(answer.get("id").stringValue()).matches("cmpl-[0-9a-f]{32}");
        assertThat(answer.get("object").stringValue()).isEqualTo("text_completion");
        assertThat(answer.get("model").stringValue()).isEqualTo(LiveServer.MODEL);
        JsonNode choice = answer.get("choices").get(0);
        assertThat(choice.get("text").stringValue()).isEqualTo("a mill by the river");
        assertThat(choice.get("index").intValue()).isZero();
        assertThat(choice.get("logprobs").isNull()).isTrue();
        assertThat(choice.get("finish_reason").stringValue()).isEqualTo("stop");
        assertThat(answer.at("/usage/prompt_tokens").intValue()).isEqualTo("<Once: ".length());
        assertThat(answer.at("/usage/cost").isNumber()).isTrue();
        assertThat(server.meter().opened().getFirst().endpoint()).isEqualTo("/v1/completions");
    }

    @Test
    void sixteenTokensAreTheDefault() throws Exception {
        JsonNode answer = complete("\"Once: \"", "");

        assertThat(answer.at("/usage/completion_tokens").intValue()).isEqualTo(16);
        assertThat(answer.at("/choices/0/finish_reason").stringValue()).isEqualTo("length");
    }

    @Test
    void aPromptMayBeTokenIds() throws Exception {
        JsonNode answer = complete("[0, 50, 51]", "");

        assertThat(answer.at("/usage/prompt_tokens").intValue()).isEqualTo(3);
    }

    @Test
    void textCannotSmuggleSpecialTokensIn() throws Exception {
        assertThat(complete("\"</s>\"", "").at("/usage/prompt_tokens").intValue())
                .isEqualTo(1 + "</s>".length());
    }

    @Test
    void anEmptyPromptStartsFromTheStartToken() throws Exception {
        assertThat(complete("\"\"", "").at("/usage/prompt_tokens").intValue()).isEqualTo(1);
    }

    @ParameterizedTest
    @ValueSource(strings = {"[\"one:\", \"three:\"]", "[[0, 60, 61, 62], [0, 60, 61, 62, 63, 64]]",
        "[\"one:\", [0, 60, 61, 62, 63, 64, 65]]"})
    void severalPromptsBecomeSeveralChoicesInTheirOrder(String prompts) throws Exception {
        JsonNode answer = complete(prompts, "\"n\": 2, \"max_tokens\": 6");

        assertThat(answer.get("choices")).hasSize(4);
        for (int i = 0; i < 4; i++) {
            assertThat(answer.get("choices").get(i).get("index").intValue()).isEqualTo(i);
            assertThat(answer.get("choices").get(i).get("text").stringValue())
                    .isEqualTo("a mill");
        }
        assertThat(answer.at("/usage/prompt_tokens").intValue())
                .isEqualTo(server.meter().finished().stream()
                        .mapToInt(end -> end.usage().promptTokens()).sum() / 2);
        assertThat(answer.at("/usage/completion_tokens").intValue()).isEqualTo(24);
    }

    @ParameterizedTest
    @ValueSource(strings = {"[]", "[[]]", "5", "true", "{}", "[-1]", "[258]", "[0, 1.5]",
        "[0, \"a\"]", "[\"a\", 0]", "[0, 99999999999999999999]", "[null]", "\"\\ud800\"",
        "[[[1]]]"})
    void otherPromptsAreRefusedByName(String prompt) throws Exception {
        HttpResponse<String> response = server.post(Chat.COMPLETIONS, Chat.completion(prompt, ""));

        assertThat(response.statusCode()).isEqualTo(400);
        assertThat(LiveServer.json(response.body()).at("/error/param").stringValue())
                .startsWith("prompt");
        assertThat(server.meter().opened()).isEmpty();
    }

    @Test
    void promptsTimesChoicesAreLimited() throws Exception {
        String prompts = "[" + "\"a\",".repeat(64) + "\"a\"]";

        HttpResponse<String> response = server.post(Chat.COMPLETIONS,
                Chat.completion(prompts, "\"n\": 2"));

        assertThat(response.statusCode()).isEqualTo(400);
        assertThat(LiveServer.json(response.body()).at("/error/message").stringValue())
                .contains("65 prompts").contains("130").contains("at most 128");
    }

    @Test
    void logProbabilitiesSayWhereEachTokenBegins() throws Exception {
        JsonNode logprobs = complete("\"Once: \"", "\"logprobs\": 2, \"max_tokens\": 3")
                .at("/choices/0/logprobs");

        assertThat(logprobs.get("tokens").toString()).isEqualTo("[\"a\",\" \",\"m\"]");
        assertThat(logprobs.get("text_offset").toString()).isEqualTo("[0,1,2]");
        assertThat(logprobs.get("token_logprobs")).hasSize(3);
        assertThat(logprobs.get("top_logprobs").get(0)).hasSize(2);
    }

    @Test
    void aStreamHasTextInEveryChunk() throws Exception {
        String body = server.post(Chat.COMPLETIONS,
                Chat.completion("\"Once: \"", "\"stream\": true, \"max_tokens\": 2")).body();

        String id = LiveServer.json(body.substring("data: ".length(), body.indexOf("\n\n")))
                .get("id").stringValue();
        assertThat(id).startsWith("cmpl-");
        assertThat(body.replaceAll("\"created\":\\d+", "\"created\":0").replace(id, "ID"))
                .isEqualTo(chunk("a", "null") + chunk(" ", "null") + chunk("", "\"length\"")
                        + "data: [DONE]\n\n");
    }

    private static String chunk(String text, String finishReason) {
        return "data: {\"id\":\"ID\",\"object\":\"text_completion\",\"created\":0,"
                + "\"model\":\"scripted\",\"choices\":[{\"index\":0,\"text\":\"" + text
                + "\",\"logprobs\":null,\"finish_reason\":" + finishReason + "}]}\n\n";
    }

    @Test
    void aModelWithoutATemplateServesPlainCompletions() throws Exception {
        try (LiveServer plain = LiveServer.with(server.pass()).withoutTemplate().start()) {
            int last = FakeTokenizer.VOCABULARY_SIZE - 1;
            assertThat(plain.post(Chat.COMPLETIONS, Chat.completion("[" + last + "]", ""))
                    .statusCode()).isEqualTo(200);
        }
    }
}
