package dev.millrace.server.dialogue;

import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import static org.assertj.core.api.Assertions.assertThat;

/** Thoughts and what follows them. */
class ThinkingParserTest {

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
        "false | <think>~hm~~ ok ~</think>~~Yes. ~ | thought hm~~ ok!content Yes. ~",
        "false | ~<think></think>Yes | content Yes", "false | Yes <think>no</think> "
                + "| content Yes <think>no</think> ",
        "false | <thin air | content <thin air", "false |  ~ | content  ~",
        "true | hm</think>Yes | thought hm!content Yes", "true | ~ hm < ~ | thought hm <",
        "true | hm </thi | thought hm </thi",
        "true | a <tool_call>{'name': 'f'} b</think><tool_call>{'name': 'f'}</tool_call> "
                + "| thought a <tool_call>{'name': 'f'} b!call 0 f {} ended",
        "false | <think>a</think><think>b</think> | thought a!content <think>b</think>"})
    void aTurnIsAThoughtAndTheRest(boolean opened, String text, String expected) {
        String turn = text.substring(0).replace('~', '\n').replace('\'', '"');
        String told = expected.replace('~', '\n').replace('\'', '"').replace('!', '|');
        String whole = TurnTexts.read(TurnTexts.thinking(opened, ToolFormat.HERMES),
                List.of(turn));

        assertThat(whole.strip()).isEqualTo(told.strip());
        for (int at = 0; at <= turn.length(); at++) {
            assertThat(TurnTexts.read(TurnTexts.thinking(opened, ToolFormat.HERMES),
                    List.of(turn.substring(0, at), turn.substring(at)))).isEqualTo(whole);
        }
    }
}
