package dev.millrace.server.dialogue;

import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

import static org.assertj.core.api.Assertions.assertThat;

/** Calls as each kind of model spells them, and what only looks like one. */
class CallParserTest {

    private static final String ARGUMENTS = "{\"city\": \"Z\\u00fcrich {[\", \"days\": [1, -2.5e3, "
            + "true, null, {\"a\": {}}]}";

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
        "JSON ! {\"name\": \"f\"}~@"})
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
        "JSON ! {\"arguments\": {}, \"name\": \"f\"}"})
    void whatIsNoCallIsContent(ToolFormat format, String text) {
        assertThat(read(format, text)).isEqualTo("content " + text);
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
            "<think>", "</think>", "<", "[T", "{\"name\": \"get_weather\"}", "1", "ü"};
        Random random = new Random(5);
        for (int round = 0; round < 500; round++) {
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
