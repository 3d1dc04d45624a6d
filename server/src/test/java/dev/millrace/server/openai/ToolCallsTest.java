package dev.millrace.server.openai;

import dev.millrace.engine.fixtures.NextToken;
import dev.millrace.engine.fixtures.ScriptedForwardPass;
import dev.millrace.models.template.ChatTemplate;
import dev.millrace.server.fixtures.Chat;
import dev.millrace.server.fixtures.LiveServer;
import java.net.http.HttpResponse;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

import static org.assertj.core.api.Assertions.assertThat;

/** Tools on the wire, with a script that says the same whatever the masks. */
@Timeout(600)
class ToolCallsTest {

    private static final String TEMPLATE = """
            {%- if tools %}{% for tool in tools %}{{ tool | tojson }}{% endfor %}
            For each call: <tool_call>{"name": ..., "arguments": ...}</tool_call>{% endif %}
            {%- for message in messages %}{{ message.role }}:{{ message.content }}
            {%- for call in message.tool_calls or [] %}<tool_call>
            {{- {"name": call.function.name, "arguments": call.function.arguments} | tojson }}
            {%- endfor %};{% endfor %}assistant:""";
    private static final String SAID = "<think>\nRome, then.\n</think>\n\nI look.\n<tool_call>\n"
            + "{\"name\": \"get_weather\", \"arguments\": {\"city\": \"Zürich\", \"days\": 2}}\n"
            + "</tool_call>\n<tool_call>\n{\"name\": \"ls\", \"arguments\": {}}\n</tool_call>";
    private static final String TOOLS = json("'tools': [{'type': 'function', 'function': {'name': "
            + "'get_weather', 'description': 'Looks', 'strict': true, 'parameters': {'type': "
            + "'object', 'properties': {'city': {'type': 'string'}, 'days': {'type': 'integer'}}, "
            + "'required': ['city', 'days'], 'additionalProperties': false}}}, "
            + "{'type': 'function', 'function': {'name': 'ls'}}]");

    private static LiveServer server;

    @BeforeAll
    static void start() {
        server = saying(SAID, "<think>" + TEMPLATE.replace("assistant:", "")
                + "{#</think>#}assistant:");
    }

    private static LiveServer saying(String text, String template) {
        return LiveServer.with(new ScriptedForwardPass(NextToken.answer(text)))
                .template(ChatTemplate.compile(template)).context(4096).start();
    }

    @AfterAll
    static void stop() {
        server.close();
    }

    private static String json(String text) {
        return text.replace('\'', '"');
    }

    private static void expectCalls(JsonNode message) {
        assertThat(message.get("content").stringValue()).isEqualTo("I look.");
        assertThat(message.get("reasoning_content").stringValue()).isEqualTo("Rome, then.");
        assertThat(message.get("reasoning").stringValue()).isEqualTo("Rome, then.");
        assertThat(message.get("tool_calls").size()).isEqualTo(2);
        JsonNode call = message.at("/tool_calls/0");
        assertThat(call.get("id").stringValue()).matches("call_[A-Za-z0-9]{24}");
        assertThat(call.get("type").stringValue()).isEqualTo("function");
        assertThat(call.at("/function/name").stringValue()).isEqualTo("get_weather");
        assertThat(LiveServer.json(call.at("/function/arguments").stringValue())
                .get("city").stringValue()).isEqualTo("Zürich");
        assertThat(message.at("/tool_calls/1/function/arguments").stringValue()).isEqualTo("{}");
        assertThat(message.at("/tool_calls/1/id").stringValue())
                .isNotEqualTo(call.get("id").stringValue());
    }

    @Test
    void aWholeAnswerHasItsCalls() throws Exception {
        JsonNode answer = server.answer(Chat.PATH, Chat.body(TOOLS + ",\"n\": 2"));

        for (JsonNode choice : answer.get("choices").values()) {
            expectCalls(choice.get("message"));
            assertThat(choice.get("finish_reason").stringValue()).isEqualTo("tool_calls");
        }
        assertThat(answer.at("/usage/completion_tokens_details/reasoning_tokens").intValue())
                .isEqualTo(2 * ">\nRome, then.\n</think>".length());
    }

    @Test
    void aStreamHasThemInPieces() throws Exception {
        HttpResponse<String> stream = server.post(Chat.PATH, Chat.body(TOOLS
                + ",\"stream\": true, \"logprobs\": true"));
        StringBuilder content = new StringBuilder();
        StringBuilder thought = new StringBuilder();
        List<StringBuilder> arguments = new ArrayList<>();
        List<String> tokens = new ArrayList<>();
        String finish = null;
        for (JsonNode chunk : chunks(stream.body())) {
            JsonNode choice = chunk.at("/choices/0");
            JsonNode delta = choice.get("delta");
            content.append(delta.path("content").asString(""));
            thought.append(delta.path("reasoning_content").asString(""));
            for (JsonNode call : delta.path("tool_calls").values()) {
                if (call.has("id")) {
                    assertThat(call.get("index").intValue()).isEqualTo(arguments.size());
                    assertThat(call.at("/function/name").stringValue())
                            .isEqualTo(arguments.isEmpty() ? "get_weather" : "ls");
                    arguments.add(new StringBuilder());
                }
                arguments.get(call.get("index").intValue())
                        .append(call.at("/function/arguments").stringValue());
            }
            choice.at("/logprobs/content").values()
                    .forEach(token -> tokens.add(token.get("token").stringValue()));
            finish = choice.get("finish_reason").asString(finish);
        }
        assertThat(content.toString()).isEqualTo("I look.");
        assertThat(thought.toString()).isEqualTo("Rome, then.");
        assertThat(arguments.get(0).toString()).isEqualTo("{\"city\": \"Zürich\", \"days\": 2}");
        assertThat(arguments.get(1).toString()).isEqualTo("{}");
        assertThat(finish).isEqualTo("tool_calls");
        assertThat(tokens).hasSize(SAID.getBytes(java.nio.charset.StandardCharsets.UTF_8).length);
    }

    private static List<JsonNode> chunks(String stream) {
        List<JsonNode> chunks = new ArrayList<>();
        for (String event : stream.split("\n\n")) {
            if (event.startsWith("data: {")) {
                chunks.add(LiveServer.json(event.substring("data: ".length())));
            }
        }
        return chunks;
    }

    @Test
    void withoutToolsTheSameTextIsContent() throws Exception {
        for (String field : List.of("\"stop\": []", TOOLS + ",\"tool_choice\": \"none\"")) {
            JsonNode message = server.answer(Chat.PATH, Chat.body(field)).at("/choices/0/message");

            assertThat(message.get("content").stringValue()).startsWith("I look.\n<tool_call>");
            assertThat(message.has("tool_calls")).isFalse();
        }
    }

    @Test
    void aStopStringAndALimitCutWhereTheyDo() throws Exception {
        JsonNode stopped = server.answer(Chat.PATH, Chat.body(TOOLS + ",\"stop\": \"days\""));
        JsonNode limited = server.answer(Chat.PATH, Chat.body(TOOLS + ",\"max_tokens\": 130"));

        assertThat(stopped.at("/choices/0/finish_reason").stringValue()).isEqualTo("stop");
        assertThat(stopped.at("/choices/0/message/tool_calls/0/function/arguments").stringValue())
                .isEqualTo("{\"city\": \"Zürich\", \"");
        assertThat(limited.at("/choices/0/finish_reason").stringValue()).isEqualTo("length");
        assertThat(limited.at("/choices/0/message/tool_calls").size()).isEqualTo(1);
    }

    @Test
    void oneCallIsTheLastWhereThereMayBeNoOther() throws Exception {
        JsonNode choice = server.answer(Chat.PATH,
                Chat.body(TOOLS + ",\"parallel_tool_calls\": false")).at("/choices/0");

        assertThat(choice.at("/message/tool_calls").size()).isEqualTo(1);
        assertThat(choice.get("finish_reason").stringValue()).isEqualTo("tool_calls");
    }

    /** The engine fails what breaks its mask: the script calls two tools and says something. */
    @ParameterizedTest
    @ValueSource(strings = {"'tool_choice': 'required'",
        "'tool_choice': {'type': 'function', 'function': {'name': 'ls'}}",
        "'tool_choice': {'type': 'allowed_tools', 'mode': 'auto', 'tools': [{'type': 'function', "
                + "'name': 'ls'}]}",
        "'tool_choice': {'type': 'allowed_tools', 'allowed_tools': {'mode': 'auto', 'tools': "
                + "[{'type': 'function', 'function': {'name': 'get_weather'}}]}}"})
    void whatTheChoiceForbidsCannotBeSaid(String field) throws Exception {
        HttpResponse<String> response = server.post(Chat.PATH,
                Chat.body(TOOLS + "," + json(field)));

        assertThat(response.statusCode()).as(response.body()).isEqualTo(500);
        assertThat(response.body()).contains("not allowed");
    }

    @Test
    void aConversationWithCallsAndResultsGoesThrough() throws Exception {
        JsonNode answer = server.answer(Chat.PATH, json("{'model': 'scripted', 'messages': ["
                + "{'role': 'user', 'content': [{'type': 'text', 'text': 'a'}]}, "
                + "{'role': 'assistant', 'content': null, 'reasoning': 'hm', 'tool_calls': [{'id': "
                + "'c1', 'type': 'function', 'function': {'name': 'ls', 'arguments': ''}}]}, "
                + "{'role': 'tool', 'tool_call_id': 'c1', 'content': [{'type': 'text', 'text': "
                + "'b'}, {'type': 'text', 'text': 'c'}]}], ") + TOOLS + "}");

        expectCalls(answer.at("/choices/0/message"));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
        "'tools': {} | tools", "'tools': [5] | tools[0]", "'tools': [{}] | tools[0].type",
        "'tools': [{'type': 'custom', 'custom': {'name': 'x'}}] | tools[0].type",
        "'tools': [{'type': 'function'}] | tools[0].function",
        "'tools': [{'type': 'function', 'function': {}}] | tools[0].function.name",
        "'tools': [{'type': 'function', 'function': {'name': 'a b'}}] | tools[0].function.name",
        "'tools': [@, @] | tools[1].function.name",
        "'tools': [{'type': 'function', 'function': {'name': 'f', 'description': 5}}] "
                + "| tools[0].function.description",
        "'tools': [{'type': 'function', 'function': {'name': 'f', 'parameters': 5}}] "
                + "| tools[0].function.parameters",
        "'tools': [{'type': 'function', 'function': {'name': 'f', 'parameters': {'type': "
                + "'array'}}}] | tools[0].function.parameters.type",
        "'tools': [{'type': 'function', 'function': {'name': 'f', 'strict': true, 'parameters': "
                + "{'not': {}}}}] | tools[0].function.parameters",
        "'tools': [{'type': 'function', 'function': {'name': 'f', 'strict': 1}}] "
                + "| tools[0].function.strict",
        "'tools': [@], 'tool_choice': 'any' | tool_choice", "'tool_choice': 'required' "
                + "| tool_choice",
        "'tools': [@], 'tool_choice': 5 | tool_choice",
        "'tools': [@], 'tool_choice': {'type': 'x'} | tool_choice.type",
        "'tools': [@], 'tool_choice': {'type': 'function'} | tool_choice.function",
        "'tools': [@], 'tool_choice': {'type': 'function', 'function': {'name': 'g'}} "
                + "| tool_choice.function.name",
        "'tools': [@], 'tool_choice': {'type': 'allowed_tools', 'mode': 'auto', 'tools': []} "
                + "| tool_choice.tools",
        "'tools': [@], 'tool_choice': {'type': 'allowed_tools', 'mode': 'none', 'tools': [@]} "
                + "| tool_choice.mode",
        "'tools': [@], 'parallel_tool_calls': 'no' | parallel_tool_calls",
        "'tools': [@], 'guided_regex': '(' | guided_regex"})
    void whatIsWrongIsRefusedByItsPath(String field, String path) throws Exception {
        HttpResponse<String> response = server.post(Chat.PATH, Chat.body(json(field
                .replace("@", "{'type': 'function', 'function': {'name': 'f'}}"))));

        assertThat(response.statusCode()).as(response.body()).isEqualTo(400);
        assertThat(LiveServer.json(response.body()).at("/error/param").stringValue())
                .isEqualTo(path);
    }

    @Test
    void aFunctionWhoseSchemaCannotBeEnforcedTakesAnyObjectUnlessItIsStrict() throws Exception {
        String loose = json("'tools': [{'type': 'function', 'function': {'name': 'ls', "
                + "'parameters': {'type': 'object', 'patternProperties': {'a': {}}}}}, {'type': "
                + "'function', 'function': {'name': 'get_weather', 'parameters': {'not': {}}}}]");

        expectCalls(server.answer(Chat.PATH, Chat.body(loose)).at("/choices/0/message"));
    }

    @Test
    void aTemplateThatKnowsNoToolsIsToldInWords() throws Exception {
        String call = "{\"name\": \"ls\", \"arguments\": {}}";
        try (LiveServer plain = LiveServer.with(
                new ScriptedForwardPass(NextToken.answer(call))).context(4096).start()) {
            JsonNode answer = plain.answer(Chat.PATH, Chat.body(TOOLS
                    + ",\"tool_choice\": \"required\", \"parallel_tool_calls\": false"));

            assertThat(answer.at("/choices/0/message/tool_calls/0/function/name").stringValue())
                    .isEqualTo("ls");
            assertThat(answer.at("/choices/0/message/content").isNull()).isTrue();
            assertThat(answer.at("/usage/prompt_tokens").intValue()).isGreaterThan(400);
        }
    }

    @Test
    void anAnswerMayBeHeldToAFormatWhereItCallsNothing() throws Exception {
        try (LiveServer talking = saying("<think>x</think>{\"a\": 1}", TEMPLATE
                + "{#<think>#}")) {
            String format = json("'response_format': {'type': 'json_object'}");

            assertThat(talking.answer(Chat.PATH, Chat.body(TOOLS + "," + format))
                    .at("/choices/0/message/content").stringValue()).isEqualTo("{\"a\": 1}");
            assertThat(talking.answer(Chat.PATH, Chat.body(format))
                    .at("/choices/0/message/content").stringValue()).isEqualTo("{\"a\": 1}");
        }
    }
}
