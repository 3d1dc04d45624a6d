package dev.millrace.server.dialogue;

import dev.millrace.engine.constrain.Grammar;
import dev.millrace.engine.constrain.GrammarException;
import dev.millrace.engine.constrain.TextMatcher;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

/** What the masks let a model say, in terms of whole texts. */
class TurnGrammarTest {

    private static final Tool WEATHER = TurnTexts.tool("get_weather", """
            {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"],
             "additionalProperties": false}""");
    private static final Tool NOTHING = TurnTexts.tool("f", "{\"type\": \"object\"}");

    private static TextMatcher matcher(ToolFormat format, boolean required, boolean parallel) {
        return new TextMatcher(TurnGrammar.of(Optional.empty(), ThinkingStart.CLOSED, format,
                new ToolUse(List.of(WEATHER, NOTHING), required, parallel), false, null));
    }

    private static String call(ToolFormat format, String arguments) {
        return switch (format) {
            case HERMES -> "<tool_call>\n{\"name\": \"get_weather\", \"arguments\": " + arguments
                    + "}\n</tool_call>";
            case MISTRAL -> "[TOOL_CALLS] [{\"name\": \"get_weather\", \"arguments\": " + arguments
                    + "}]";
            case MISTRAL_ARGS -> "[TOOL_CALLS]get_weather[ARGS]" + arguments;
            case GRANITE -> "<|tool_call|>[{\"name\": \"get_weather\", \"arguments\": " + arguments
                    + "}]";
            case LLAMA -> "{\"name\": \"get_weather\", \"parameters\": " + arguments + "}";
            case QWEN_XML -> "<tool_call>\n<function=get_weather>\n" + named(arguments,
                    "<parameter=%s>\n%s\n</parameter>\n") + "</function>\n</tool_call>";
            case PYTHONIC -> "[get_weather(" + named(arguments, "%s=\"%s\"").replace("\"5\"", "5")
                    + ")]";
            case DEEPSEEK -> "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>"
                    + "get_weather\n```json\n" + arguments + "\n```<｜tool▁call▁end｜>"
                    + "<｜tool▁calls▁end｜>";
            case DEEPSEEK_V31 -> "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>get_weather"
                    + "<｜tool▁sep｜>" + arguments + "<｜tool▁call▁end｜><｜tool▁calls▁end｜>";
            case HARMONY -> "<|channel|>commentary to=functions.get_weather "
                    + "<|constrain|>json<|message|>" + arguments;
            case JSON -> "{\"name\": \"get_weather\", \"arguments\": " + arguments + "}";
        };
    }

    /** Arguments of at most one member, which has no quotes where its type says what it is. */
    private static String named(String arguments, String form) {
        Matcher member = Pattern.compile("\"(\\w+)\": \"?(\\w+)").matcher(arguments);
        return member.find() ? form.formatted(member.group(1), member.group(2)) : "";
    }

    @ParameterizedTest
    @EnumSource(ToolFormat.class)
    void aCallKeepsToItsSchemaOnceItHasBegun(ToolFormat format) {
        TextMatcher free = matcher(format, false, true);
        TextMatcher required = matcher(format, true, true);
        String good = call(format, "{\"city\": \"Rome\"}");

        assertThat(free.matches(good)).isTrue();
        assertThat(required.matches(good)).isTrue();
        assertThat(free.matches((format == ToolFormat.HARMONY ? "<|channel|>final<|message|>" : "")
                + "It is {sunny} in < Rome.\n")).isTrue();
        assertThat(required.matches("It is sunny.")).isFalse();
        assertThat(free.matches(call(format, "{}"))).isFalse();
        assertThat(free.matches(call(format, "{\"city\": 5}")))
                .isEqualTo(format == ToolFormat.QWEN_XML); // where any text is a string
        assertThat(free.matches(good.replace("get_weather", "get_wealth")))
                .isEqualTo(format.isBare());
        assertThat(required.matches(good.replace("get_weather", "get_wealth"))).isFalse();
    }

    @ParameterizedTest
    @EnumSource(ToolFormat.class)
    void whatTheGrammarTakesForACallTheParserDoesToo(ToolFormat format) {
        String text = call(format, "{\"city\": \"Rome\"}");

        assertThat(matcher(format, true, false).matches(text)).isTrue();
        assertThat(TurnTexts.read(format == ToolFormat.HARMONY
                ? new HarmonyParser(Set.of("get_weather"))
                : TurnTexts.calls(format), List.of(text)))
                .isEqualTo("call 0 get_weather {\"city\": \"Rome\"} ended");
    }

    @ParameterizedTest
    @CsvSource({"HERMES, '\n'", "MISTRAL_ARGS, ''", "LLAMA, '; '", "JSON, '\n'", "QWEN_XML, '\n'"})
    void severalCallsComeOnlyWhereTheyMay(ToolFormat format, String between) {
        String call = call(format, "{\"city\": \"Rome\"}");

        assertThat(matcher(format, true, true).matches(call + between + call)).isTrue();
        assertThat(matcher(format, true, false).matches(call + between + call)).isFalse();
    }

    @Test
    void harmonysMessagesComeOneAfterTheOther() {
        TextMatcher free = new TextMatcher(TurnGrammar.of(Optional.of(ThinkingMarkers.HARMONY),
                ThinkingStart.FREE, ToolFormat.HARMONY, new ToolUse(List.of(NOTHING), false, true),
                false, Grammar.choice(List.of("yes"))));
        String thought = "<|channel|>analysis<|message|>hm<|end|><|start|>assistant";

        assertThat(free.matches(thought + "<|channel|>final<|message|>yes")).isTrue();
        assertThat(free.matches("<|channel|>final <|constrain|>json<|message|>yes")).isTrue();
        assertThat(free.matches(thought + "<|channel|>final<|message|>no")).isFalse();
        assertThat(free.matches(thought + "<|channel|>commentary<|message|>I look.<|end|><|start|>"
                + "assistant to=functions.f<|channel|>commentary json<|message|>{}")).isTrue();
        assertThat(free.matches(thought)).isFalse();
    }

    @Test
    void objectsThatAreNoCallsStayFreeWithoutAMarker() {
        TextMatcher free = matcher(ToolFormat.LLAMA, false, true);

        assertThat(free.matches("{\"name\": \"Ada\", \"born\": 1815}")).isTrue();
        assertThat(free.matches("{ \"name\" : \"f\" }")).isFalse();
    }

    @Test
    void aThoughtComesFirstAndIsFree() {
        Grammar said = Grammar.choice(List.of("yes", "no"));
        TextMatcher may = new TextMatcher(TurnGrammar.of(Optional.of(TurnTexts.THINK),
                ThinkingStart.FREE, ToolFormat.JSON, null, false, said));
        TextMatcher must = new TextMatcher(TurnGrammar.of(Optional.of(TurnTexts.THINK),
                ThinkingStart.OPENED, ToolFormat.JSON, null, false, said));

        assertThat(may.matches("<think>\nhm <tool_call> no</think>\n\nyes")).isTrue();
        assertThat(may.matches("yes")).isTrue();
        assertThat(may.matches("<think>hm")).isFalse();
        assertThat(may.matches("maybe")).isFalse();
        assertThat(must.matches("hm</think>no")).isTrue();
        assertThat(must.matches("no")).isFalse();
    }

    @Test
    void aSchemaThatCannotBeEnforcedIsRefusedOnlyIfStrict() {
        String schema = "{\"type\": \"object\", \"not\": {}}";
        Tool strict = new Tool("s", "", TurnTexts.tool("s", schema).parameters(), true);

        assertThatExceptionOfType(GrammarException.class).isThrownBy(() -> TurnGrammar.of(
                Optional.empty(), ThinkingStart.CLOSED, ToolFormat.HERMES,
                new ToolUse(List.of(strict), true, true), false, null))
                .withMessageContaining("parameters of s");
        TextMatcher any = new TextMatcher(TurnGrammar.of(Optional.empty(), ThinkingStart.CLOSED,
                ToolFormat.JSON, new ToolUse(List.of(TurnTexts.tool("s", schema)), true, true),
                false, null));
        assertThat(any.matches("{\"name\": \"s\", \"arguments\": {\"x\": [1]}}")).isTrue();
    }
}
