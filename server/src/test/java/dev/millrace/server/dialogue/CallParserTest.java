package dev.millrace.server.dialogue;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import tools.jackson.databind.json.JsonMapper;

import static org.assertj.core.api.Assertions.assertThat;

/** Calls as each kind of model spells them, and what only looks like one. */
class CallParserTest {

    private static final String ARGUMENTS = "{\"city\": \"Z\\u00fcrich {[\", \"days\": [1, -2.5e3, "
            + "true, null, {\"a\": {}}]}";

    private static final JsonMapper JSON = new JsonMapper();
    private static final Pattern ENDED = Pattern.compile("call \\d+ \\w+ ([^|]*) ended");

    private static String read(ToolFormat format, String text) {
        String whole = TurnTexts.read(TurnTexts.calls(format), List.of(text));
        for (int at = 0; at <= text.length(); at++) {
            assertThat(TurnTexts.read(TurnTexts.calls(format),
                    List.of(text.substring(0, at), text.substring(at)))).isEqualTo(whole);
        }
        return whole;
    }

    @ParameterizedTest
    @CsvSource(delimiter = '!', quoteCharacter = '`', ignoreLeadingAndTrailingWhitespace = true,
            value = {
                "HERMES ! <tool_call>~{\"name\": \"f\", \"arguments\": @}~</tool_call>",
                "HERMES ! <tool_call>{\"arguments\": @, \"name\": \"f\"}</tool_call>",
                "HERMES ! <tool_call>{\"name\": \"f\", \"arguments\": @}",
                "MISTRAL ! [TOOL_CALLS] [{\"name\": \"f\", \"arguments\": @}]",
                "MISTRAL ! [TOOL_CALLS][{\"name\":\"f\",\"arguments\":@,\"id\":\"abcdefghi\"}]",
                "MISTRAL ! [TOOL_CALLS]f[ARGS]@", "MISTRAL_ARGS ! [TOOL_CALLS]f[ARGS]@",
                "MISTRAL_ARGS ! [TOOL_CALLS]f[CALL_ID]abcdefghi[ARGS]@",
                "MISTRAL_ARGS ! [TOOL_CALLS]f@",
                "GRANITE ! <|tool_call|>[{\"name\": \"f\", \"arguments\": @}]",
                "GRANITE ! <|tool_call|> {\"name\": \"f\", \"arguments\": @}",
                "LLAMA ! {\"name\": \"f\", \"parameters\": @}",
                "LLAMA ! <|python_tag|>{\"name\": \"f\", \"parameters\": @}",
                "LLAMA ! {\"name\": \"f\", \"type\": \"function\", \"parameters\": @}",
                "DEEPSEEK ! <｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>f~```json~"
                        + "@~```<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
                "DEEPSEEK ! <｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>f~"
                        + "@<｜tool▁call▁end｜>",
                "DEEPSEEK_V31 ! <｜tool▁calls▁begin｜><｜tool▁call▁begin｜>f<｜tool▁sep｜>"
                        + "@<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
                "JSON ! {\"name\": \"f\", \"arguments\": @}"})
    void aCallInItsFormat(ToolFormat format, String text) {
        String call = text.replace("@", ARGUMENTS).replace('~', '\n');

        assertThat(read(format, call)).isEqualTo("call 0 f " + ARGUMENTS + " ended");
        assertThat(read(format, "\n" + call + "\n")).isEqualTo("call 0 f " + ARGUMENTS + " ended");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '!', quoteCharacter = '`', value = {
        "HERMES ! <tool_call>{\"name\": \"f\"}</tool_call>~<tool_call>@</tool_call>",
        "MISTRAL ! [TOOL_CALLS] [{\"name\": \"f\"}, @]",
        "MISTRAL_ARGS ! [TOOL_CALLS]f[ARGS]{}[TOOL_CALLS]get_weather[ARGS]{\"a\": 1}",
        "GRANITE ! <|tool_call|>[{\"name\": \"f\"}, @]", "LLAMA ! {\"name\": \"f\"}; @",
        "JSON ! {\"name\": \"f\"}~@",
        "QWEN_XML ! <tool_call>~<function=f>~</function>~</tool_call>~<tool_call>~<function="
                + "get_weather><parameter=a>1</parameter></function></tool_call>",
        "PYTHONIC ! [f(), get_weather(a=1)]", "PYTHONIC ! [ f( ), get_weather( a= 1, ) ] ",
        "DEEPSEEK_V31 ! <｜tool▁calls▁begin｜><｜tool▁call▁begin｜>f<｜tool▁sep｜>{}<｜tool▁call▁end｜>~"
                + "<｜tool▁call▁begin｜>get_weather<｜tool▁sep｜>{\"a\": 1}<｜tool▁call▁end｜>"
                + "<｜tool▁calls▁end｜>"})
    void severalCalls(ToolFormat format, String text) {
        String more = "{\"name\": \"get_weather\", \"arguments\": {\"a\": 1}}";

        assertThat(read(format, text.replace("@", more).replace('~', '\n')))
                .isEqualTo("call 0 f {} ended|call 1 get_weather {\"a\": 1} ended");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '!', quoteCharacter = '`', value = {
        "HERMES ! <tool_call>", "HERMES ! a < b", "HERMES ! <tool_call>nothing</tool_call>",
        "HERMES ! <tool_call>{\"name\": \"unknown\", \"arguments\": {}}</tool_call>",
        "HERMES ! <tool_call>{\"name\": \"f\", \"arguments\": 5}</tool_call>",
        "HERMES ! <tool_call>{\"name\": \"f\", \"arguments\": \"no JSON\"}</tool_call>",
        "HERMES ! <tool_call>{\"name\": 5}</tool_call>",
        "HERMES ! <tool_call>{\"name\": \"f\", \"thoughts\": 1}",
        "HERMES ! <tool_call>{\"name\": \"f\" \"arguments\": {}}",
        "MISTRAL ! [TOOL_CALLS]", "MISTRAL ! [TOOL_CALLS] []", "MISTRAL ! [TOOL_CALLS]unknown{}",
        "MISTRAL_ARGS ! [TOOL_CALLS]f[ARG]{}", "MISTRAL_ARGS ! [TOOL_CALLS]f[CALL_ID]a b",
        "GRANITE ! <|tool_call|>[1, 2]", "LLAMA ! {\"title\": \"f\"}",
        "LLAMA ! {\"name\": \"Ada\"}",
        "LLAMA ! {", "LLAMA ! So: {\"name\": \"f\", \"parameters\": {}}",
        "LLAMA ! <|python_tag|>print(1)", "JSON ! {\"name\": \"f\", ",
        "JSON ! {\"arguments\": {}, \"name\": \"f\"}",
        "QWEN_XML ! <tool_call>~<function=unknown>", "QWEN_XML ! <tool_call>f(a=1)</tool_call>",
        "QWEN_XML ! <function=f></function>", "PYTHONIC ! [1, 2]", "PYTHONIC ! [unknown(a=1)]",
        "PYTHONIC ! So: [f(a=1)]", "PYTHONIC ! [f, g]", "PYTHONIC ! [",
        "DEEPSEEK ! <｜tool▁calls▁begin｜><｜tool▁call▁begin｜>f<｜tool▁sep｜>{}",
        "DEEPSEEK ! <｜tool▁calls▁begin｜><｜tool▁calls▁end｜>",
        "DEEPSEEK_V31 ! <｜tool▁calls▁begin｜><｜tool▁call▁begin｜>unknown<｜tool▁sep｜>{}"})
    void whatIsNoCallIsContent(ToolFormat format, String spelled) {
        String text = spelled.replace('~', '\n');

        assertThat(read(format, text)).isEqualTo("content " + text);
    }

    /** Texts are texts by the schema, whatever they look like; the rest is JSON if it can be. */
    @ParameterizedTest
    @CsvSource(delimiter = '!', quoteCharacter = '`', value = {
        "city ! Rome ! \"Rome\"", "city ! 5 ! \"5\"", "city ! null ! \"null\"", "city ! `` ! \"\"",
        "city ! `a~b ~` ! \"a\\nb \\n\"", "city ! <b>\"\\</parameter ! \"<b>\\\"\\\\</parameter\"",
        "days ! 5 ! 5", "days ! `~5~` ! 5", "days ! five ! \"five\"", "note ! null ! null",
        "note ! None ! null", "note ! 5 ! \"5\"", "note ! nullable ! \"nullable\"",
        "unit ! C ! \"C\"",
        "other ! True ! true", "other ! {\"a\": [1]} ! {\"a\": [1]}", "other ! [oops ! \"[oops\""})
    void valuesInTagsAreOfTheSchemasType(String name, String value, String expected) {
        String call = "<tool_call>\n<function=get_weather>\n<parameter=" + name + ">\n"
                + value.replace('~', '\n') + "\n</parameter>\n</function>\n</tool_call>";

        assertThat(read(ToolFormat.QWEN_XML, call)).isEqualTo("call 0 get_weather {\"" + name
                + "\": " + expected + "} ended");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '!', quoteCharacter = '`', value = {
        "'it\\'s \"so\"' ! \"it's \\\"so\\\"\"", "\"a\\nb\\x41\\u00fc\\d\" "
                + "! \"a\\nb\\u0041\\u00fc\\\\d\"",
        "True ! true", "none ! ``", "None ! null", "-1_000.50 ! -1000.50", ".5 ! 0.5", "1. ! 1",
        "[1, 'a', None,] ! [1, \"a\", null]", "(1, 2) ! [1, 2]", "{} ! {}", "[] ! []",
        "{'a': {'b': [true]}, \"c\": 1e3} ! {\"a\": {\"b\": [true]}, \"c\": 1E+3}",
        "{1: 2} ! ``", "1 2 ! ``", "f(x) ! ``", "[1 2] ! ``", "'\\xZZ' ! ``", "[1) ! ``"})
    void pythonsLiteralsBecomeJson(String literal, String expected) {
        String call = "[f(a=" + literal + ", b=1)]";

        String told = read(ToolFormat.PYTHONIC, call);
        if (expected.isEmpty()) {
            assertThat(told).contains(" broken ").doesNotContain("ended");
        } else {
            assertThat(told).isEqualTo("call 0 f {\"a\": " + expected + ", \"b\": 1} ended");
        }
    }

    @Test
    void textsInArgumentsComeAsTheyAreSaid() {
        Map.of(ToolFormat.QWEN_XML, "<tool_call><function=get_weather><parameter=city>",
                ToolFormat.PYTHONIC, "[f(a='").forEach((format, before) -> {
                    List<TurnEvent> events = new ArrayList<>();
                    TurnParser parser = TurnTexts.calls(format);
                    parser.accept(before, events::add);
                    parser.accept("Ro", events::add);
                    parser.accept("me", events::add);

                    assertThat(events).endsWith(new TurnEvent.Arguments(0, "me"));
                });
    }

    @Test
    void noArgumentComesTwice() {
        assertThat(read(ToolFormat.PYTHONIC, "[f(a=1, a=2)]")).contains("broken");
        assertThat(read(ToolFormat.QWEN_XML, "<tool_call><function=f><parameter=a>1</parameter>"
                + "<parameter=a>2</parameter></function></tool_call>")).contains("broken");
    }

    @Test
    void textAroundCallsStays() {
        assertThat(read(ToolFormat.HERMES, "I look.\n\n<tool_call>{\"name\": \"f\"}</tool_call>\n"
                + "Done. "))
                .isEqualTo("content I look.|call 0 f {} ended|content \nDone.");
        assertThat(read(ToolFormat.MISTRAL, " a b \n")).isEqualTo("content  a b \n");
    }

    @Test
    void argumentsWithinAStringAreTakenOutOfIt() {
        assertThat(read(ToolFormat.HERMES, "<tool_call>{\"name\": \"f\", \"arguments\": "
                + "\"{\\\"a\\\": \\\"\\\\n\\\"}\"}</tool_call>"))
                .isEqualTo("call 0 f {\"a\": \"\\n\"} ended");
    }

    @Test
    void aCallThatBreaksAfterItsNameIsContentInTheEnd() {
        String broken = "<tool_call>{\"name\": \"f\", \"arguments\": {\"a\": ";

        assertThat(read(ToolFormat.HERMES, broken + "oops} and more"))
                .isEqualTo("call 0 f {\"a\":  broken " + broken + "|content oops} and more");
    }

    @Test
    void aCallThatALimitCutsKeepsWhatThereIs() {
        assertThat(
                read(ToolFormat.HERMES, "<tool_call>{\"name\": \"f\", \"arguments\": {\"a\": \"b"))
                .isEqualTo("call 0 f {\"a\": \"b");
    }

    @Test
    void aMarkerWithinAStringEndsNothing() {
        assertThat(read(ToolFormat.HERMES, "<tool_call>{\"name\": \"f\", \"arguments\": {\"a\": "
                + "\"</tool_call><tool_call>\"}}</tool_call>"))
                .isEqualTo("call 0 f {\"a\": \"</tool_call><tool_call>\"} ended");
    }

    @ParameterizedTest
    @EnumSource(value = ToolFormat.class, mode = EnumSource.Mode.EXCLUDE, names = "HARMONY")
    void randomTextsReadTheSameHoweverTheyAreCut(ToolFormat format) {
        String[] parts = {"{\"name\": \"f\", ", "\"arguments\": ", "\"parameters\": ", "{", "}",
            "[",
            "]", "{\"a\": 1}", "<tool_call>", "</tool_call>", "[TOOL_CALLS]", "f", "[ARGS]",
            "[CALL_ID]", "<|tool_call|>", "<|python_tag|>", "\"", "\\", ",", ";", " ", "\n", "x",
            "<think>", "</think>", "<", "[T", "{\"name\": \"get_weather\"}", "1", "ü",
            "<function=f>", "<function=get_weather>", "<parameter=city>", "<parameter=days>",
            "</parameter>", "</function>", "[f(", "a=", "b='", "')", ")]", "\\'", "True",
            "<｜tool▁calls▁begin｜>", "<｜tool▁call▁begin｜>", "<｜tool▁sep｜>", "function", "```json\n",
            "```", "<｜tool▁call▁end｜>", "<｜tool▁calls▁end｜>"};
        Random random = new Random(5);
        for (int round = 0; round < 1000; round++) {
            StringBuilder text = new StringBuilder();
            for (int part = random.nextInt(12); part >= 0; part--) {
                text.append(parts[random.nextInt(parts.length)]);
            }
            boolean opened = random.nextBoolean();
            String whole = TurnTexts.read(TurnTexts.thinking(opened, format),
                    List.of(text.toString()));

            assertThat(TurnTexts.read(TurnTexts.thinking(opened, format),
                    TurnTexts.cut(text.toString(), random))).as(text.toString()).isEqualTo(whole);
            String told = TurnTexts.read(TurnTexts.calls(format), List.of(text.toString()));
            Matcher ended = ENDED.matcher(told);
            while (ended.find()) {
                assertThat(JSON.readTree(ended.group(1)).isObject()).as(told).isTrue();
            }
            if (!told.contains("call ")) {
                assertThat(told).isEqualTo("content " + text);
            }
        }
    }

    @Test
    void aLongTextTakesTimeInProportion() {
        String text = "<tool_call>{\"name\": \"f\", \"arguments\": {\"a\": \""
                + "<tool_".repeat(20_000)
                + " ".repeat(40_000) + "\"}}</tool_call>" + " ".repeat(40_000)
                + "<".repeat(10_000);

        assertThat(TurnTexts.read(TurnTexts.thinking(true, ToolFormat.HERMES), List.of(text)))
                .startsWith("thought <tool_call>");
        assertThat(TurnTexts.read(TurnTexts.calls(ToolFormat.HERMES), List.of(text)))
                .startsWith("call 0 f ").endsWith("<<<");
    }
}
