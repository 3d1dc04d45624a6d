package dev.millrace.server.anthropic;

import dev.millrace.server.dialects.ListenedChunks;
import dev.millrace.server.openai.wire.Fields;
import dev.millrace.server.openai.wire.HttpLimits;
import dev.millrace.server.openai.wire.Json;
import java.util.List;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

import static org.assertj.core.api.Assertions.*;

/** Tools and thoughts on their way into OpenAI's words and back. */
class MessageTranslationTest {

    private static ObjectNode json(String text) {
        return (ObjectNode) JsonMapper.shared().readTree(text);
    }

    private static JsonNode chat(String body) {
        return MessagesRequest.chat(new Fields(json(body)));
    }

    @Test
    void aConversationWithToolsKeepsItsOrderAndIds() {
        JsonNode chat = chat("""
                {"model": "m", "max_tokens": 3000, "system": [{"type": "text", "text": "short"}],
                 "thinking": {"type": "enabled", "budget_tokens": 2048},
                 "tool_choice": {"type": "any", "disable_parallel_tool_use": true},
                 "tools": [{"name": "add", "description": "adds",
                            "input_schema": {"type": "object"}}],
                 "messages": [
                  {"role": "user", "content": "1 + 2?"},
                  {"role": "assistant", "content": [
                    {"type": "thinking", "thinking": "hm", "signature": ""},
                    {"type": "text", "text": "I add."},
                    {"type": "tool_use", "id": "t1", "name": "add", "input": {"a": 1}}]},
                  {"role": "user", "content": [
                    {"type": "tool_result", "tool_use_id": "t1", "is_error": true,
                     "content": [{"type": "text", "text": "no b"}]},
                    {"type": "text", "text": "again"}]}]}""");

        assertThat(chat.get("messages")).isEqualTo(json("""
                {"messages": [
                  {"role": "system", "content": [{"type": "text", "text": "short"}]},
                  {"role": "user", "content": "1 + 2?"},
                  {"role": "assistant", "content": [{"type": "text", "text": "I add."}],
                   "reasoning_content": "hm",
                   "tool_calls": [{"id": "t1", "type": "function",
                     "function": {"name": "add", "arguments": "{\\"a\\":1}"}}]},
                  {"role": "tool", "tool_call_id": "t1", "content": [
                    {"type": "text", "text": "Error:"}, {"type": "text", "text": "no b"}]},
                  {"role": "user", "content": [{"type": "text", "text": "again"}]}]}""")
                .get("messages"));
        assertThat(chat.at("/tools/0/function/name").stringValue()).isEqualTo("add");
        assertThat(chat.at("/tools/0/function/parameters/type").stringValue())
                .isEqualTo("object");
        assertThat(chat.get("tool_choice").stringValue()).isEqualTo("required");
        assertThat(chat.get("parallel_tool_calls").booleanValue()).isFalse();
        assertThat(chat.get("thinking_token_budget").intValue()).isEqualTo(2048);
    }

    @Test
    void aNamedToolASchemaAndNoThoughtsAreAskedFor() {
        JsonNode chat = chat("""
                {"model": "m", "max_tokens": 9, "tool_choice": {"type": "tool", "name": "add"},
                 "thinking": {"type": "disabled"}, "messages": [{"role": "user", "content": "a"}],
                 "output_config": {"format": {"type": "json_schema", "schema": {"type": "null"}}}}
                """);

        assertThat(chat.at("/tool_choice/function/name").stringValue()).isEqualTo("add");
        assertThat(chat.get("reasoning_effort").stringValue()).isEqualTo("none");
        assertThat(chat.at("/response_format/json_schema/schema/type").stringValue())
                .isEqualTo("null");
    }

    @Test
    void thoughtsTextAndCallsBecomeBlocks() throws Exception {
        WholeMessage whole = new WholeMessage(Json.reader(HttpLimits.DEFAULT));
        ListenedChunks chunks = new ListenedChunks(new MessageEvents("m", whole));
        chunks.begin(10);
        for (String delta : List.of("{\"role\": \"assistant\", \"content\": \"\"}",
                "{\"reasoning_content\": \"h\"}", "{\"reasoning_content\": \"m\"}",
                "{\"content\": \"So\"}", """
                        {"tool_calls": [{"index": 0, "id": "t1", "type": "function",
                         "function": {"name": "add", "arguments": ""}}]}""", """
                        {"tool_calls": [{"index": 0, "function": {"arguments": "{\\"a\\""}}]}""",
                """
                        {"tool_calls": [{"index": 0, "function": {"arguments": ":1}"}}]}""", """
                        {"tool_calls": [{"index": 1, "id": "t2", "type": "function",
                         "function": {"name": "now", "arguments": ""}}]}""")) {
            chunks.send(chunk("{\"index\": 0, \"delta\": " + delta + "}"));
        }
        chunks.send(chunk("{\"index\": 0, \"delta\": {}, \"finish_reason\": \"tool_calls\"}"));
        chunks.send(
                json("""
                        {"id": "msg_1", "choices": [], "usage": {"prompt_tokens": 10,
                         "completion_tokens": 7,
                         "prompt_tokens_details": {"cached_tokens": 4}, "cost": 0.5}}"""));
        chunks.done();

        assertThat(whole.message()).isEqualTo(json("""
                {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [
                   {"type": "thinking", "thinking": "hm", "signature": ""},
                   {"type": "text", "text": "So"},
                   {"type": "tool_use", "id": "t1", "name": "add", "input": {"a": 1}},
                   {"type": "tool_use", "id": "t2", "name": "now", "input": {}}],
                 "stop_reason": "tool_use", "stop_sequence": null,
                 "usage": {"input_tokens": 6, "cache_creation_input_tokens": 0,
                   "cache_read_input_tokens": 4, "output_tokens": 7, "cost": 0.5}}"""));
    }

    private static ObjectNode chunk(String choice) {
        return json("{\"id\": \"msg_1\", \"choices\": [" + choice + "]}");
    }
}
