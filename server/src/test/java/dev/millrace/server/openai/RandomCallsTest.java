package dev.millrace.server.openai;

import dev.millrace.engine.fixtures.FakeTokenizer;
import dev.millrace.engine.fixtures.NextToken;
import dev.millrace.engine.fixtures.ScriptedForwardPass;
import dev.millrace.models.template.ChatTemplate;
import dev.millrace.server.dialogue.ToolFormat;
import dev.millrace.server.fixtures.Chat;
import dev.millrace.server.fixtures.LiveServer;
import java.util.List;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

import static org.assertj.core.api.Assertions.assertThat;

/** Models that know nothing, in every format: what they must call they call validly. */
@Timeout(600)
class RandomCallsTest {

    private static final String TOOLS = """
            "tools": [
              {"type": "function", "function": {"name": "get_weather", "strict": true,
               "parameters": {"type": "object", "additionalProperties": false,
                "properties": {"city": {"type": "string", "minLength": 1, "maxLength": 5},
                 "unit": {"enum": ["c", "f"]}, "days": {"type": "array", "maxItems": 2,
                  "items": {"type": "integer", "minimum": 1, "maximum": 7}}},
                "required": ["city", "unit", "days"]}}},
              {"type": "function", "function": {"name": "ls"}}]""";

    /** Templates by the words that tell their formats. */
    private static String template(String format) {
        String words = switch (format) {
            case "hermes" -> "<tool_call> <think>";
            case "mistral" -> "[TOOL_CALLS]";
            case "mistral-args" -> "[TOOL_CALLS] [ARGS] [THINK]";
            case "granite" -> "<|tool_call|>";
            case "llama" -> "<|python_tag|> ipython";
            case "harmony" -> "<|channel|> <|message|>";
            case "qwen-xml" -> "<tool_call> <function= <think>";
            case "pythonic" -> "[f(params_name1=params_value1)]";
            case "deepseek" -> "<｜tool▁calls▁begin｜> ```json";
            case "deepseek-v31" -> "<｜tool▁calls▁begin｜> </think>";
            case "json" -> "";
            default -> throw new IllegalArgumentException(format);
        };
        return "{# " + words + " #}{% if tools %}{{ tools | tojson }}{% endif %}"
                + "{{ messages | tojson }}";
    }

    @ParameterizedTest
    @ValueSource(strings = {"hermes", "qwen-xml", "mistral", "mistral-args", "granite", "llama",
        "pythonic", "deepseek", "deepseek-v31", "harmony", "json"})
    void whatMustBeCalledIsCalledValidly(String format) throws Exception {
        assertThat(ToolFormat.labels()).contains(format);
        ScriptedForwardPass pass = new ScriptedForwardPass(
                NextToken.any(FakeTokenizer.VOCABULARY_SIZE)).draws(0);
        try (LiveServer server = LiveServer.with(pass)
                .template(ChatTemplate.compile(template(format))).context(8192).start()) {
            for (String choice : List.of("\"required\"",
                    "{\"type\": \"function\", \"function\": {\"name\": \"get_weather\"}}")) {
                JsonNode answer = server.answer(Chat.PATH, Chat.body(TOOLS + ", \"n\": 2,"
                        + "\"seed\": 11, \"parallel_tool_calls\": false, \"reasoning_effort\":"
                        + " \"none\", \"tool_choice\": " + choice));
                for (JsonNode one : answer.get("choices").values()) {
                    expectValidCall(one, !choice.equals("\"required\""));
                }
            }
        }
    }

    private static void expectValidCall(JsonNode choice, boolean named) {
        assertThat(choice.get("finish_reason").stringValue()).as(choice.toString())
                .isEqualTo("tool_calls");
        JsonNode calls = choice.at("/message/tool_calls");
        assertThat(calls.size()).isEqualTo(1);
        String name = calls.at("/0/function/name").stringValue();
        JsonNode arguments = LiveServer.json(calls.at("/0/function/arguments").stringValue());
        if (!named && name.equals("ls")) {
            assertThat(arguments.isEmpty()).isTrue();
            return;
        }
        assertThat(name).isEqualTo("get_weather");
        assertThat(arguments.propertyNames()).containsExactlyInAnyOrder("city", "unit", "days");
        assertThat(arguments.get("city").stringValue().codePoints().count()).isBetween(1L, 5L);
        assertThat(arguments.get("unit").stringValue()).isIn("c", "f");
        assertThat(arguments.get("days").size()).isLessThanOrEqualTo(2);
        arguments.get("days").values()
                .forEach(day -> assertThat(day.intValue()).isBetween(1, 7));
    }
}
