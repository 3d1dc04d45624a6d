package dev.millrace.server.ollama;

import dev.millrace.server.dialects.ListenedChunks;
import dev.millrace.server.openai.wire.Fields;
import dev.millrace.server.openai.wire.HttpLimits;
import dev.millrace.server.openai.wire.Json;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

import static org.assertj.core.api.Assertions.*;

/** Tools and thoughts on their way into OpenAI's words and back. */
class OllamaTranslationTest {

    private static ObjectNode json(String text) {
        return (ObjectNode) JsonMapper.shared().readTree(text);
    }

    @Test
    void resultsBelongToTheCallsInTheSamePlaces() {
        JsonNode chat = OllamaRequest.chat(new Fields(json("""
                {"think": false, "messages": [
                  {"role": "assistant", "thinking": "hm", "tool_calls": [
                    {"function": {"name": "add", "arguments": {"a": 1}}},
                    {"function": {"name": "now", "arguments": {}}}]},
                  {"role": "tool", "tool_name": "add", "content": "2"},
                  {"role": "tool", "tool_name": "now", "content": "noon"}]}""")), "m", 100);

        JsonNode messages = chat.get("messages");
        assertThat(messages.at("/0/tool_calls/0/function/arguments").stringValue())
                .isEqualTo("{\"a\":1}");
        assertThat(messages.at("/0/reasoning_content").stringValue()).isEqualTo("hm");
        for (int i = 0; i < 2; i++) {
            assertThat(messages.get(1 + i).get("tool_call_id"))
                    .isEqualTo(messages.at("/0/tool_calls/" + i + "/id"));
        }
        assertThat(chat.get("reasoning_effort").stringValue()).isEqualTo("none");
    }

    @Test
    void penaltiesLookAtAsManyTokensAsOllamas() {
        String options = "{\"messages\": [], \"options\": {\"repeat_penalty\": 1.1%s}}";

        assertThat(lastTokens(options.formatted(""))).isEqualTo(64);
        assertThat(lastTokens(options.formatted(", \"repeat_last_n\": 7"))).isEqualTo(7);
        assertThat(lastTokens(options.formatted(", \"repeat_last_n\": -1"))).isEqualTo(-1);
        assertThat(lastTokens("{\"messages\": []}")).isEqualTo(99);
    }

    private static int lastTokens(String body) {
        return OllamaRequest.chat(new Fields(json(body)), "m", 100).path("repeat_last_n")
                .asInt(99);
    }

    @Test
    void callsComeWholeAndThoughtsApart() throws Exception {
        OllamaAnswer answer = new OllamaAnswer("m", true, null,
                Json.reader(HttpLimits.DEFAULT));
        ListenedChunks chunks = new ListenedChunks(answer);
        chunks.begin(5);
        for (String delta : new String[]{"{\"reasoning_content\": \"hm\"}", """
                {"tool_calls": [{"index": 0, "id": "x", "function":
                  {"name": "add", "arguments": "{\\"a\\""}}]}""", """
                {"tool_calls": [{"index": 0, "function": {"arguments": ":1}"}}]}"""}) {
            chunks.send(json("{\"id\": \"i\", \"choices\": [{\"index\": 0, \"delta\": " + delta
                    + "}]}"));
        }
        chunks.send(json("""
                {"id": "i", "choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]}
                """));
        chunks.send(json("{\"id\": \"i\", \"choices\": [], \"usage\": {}}"));
        chunks.done();

        assertThat(answer.whole().get("message")).isEqualTo(json("""
                {"role": "assistant", "content": "", "thinking": "hm", "tool_calls": [
                  {"function": {"name": "add", "arguments": {"a": 1}}}]}"""));
        assertThat(answer.whole().get("done_reason").stringValue()).isEqualTo("stop");
    }
}
