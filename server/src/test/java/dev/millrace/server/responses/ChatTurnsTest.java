package dev.millrace.server.responses;

import dev.millrace.server.openai.wire.Fields;
import java.util.List;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

import static org.assertj.core.api.Assertions.*;

/** Items become the messages that templates know. */
class ChatTurnsTest {

    private static JsonNode json(String text) {
        return JsonMapper.shared().readTree(text.replace('\'', '"'));
    }

    private static JsonNode turns(String instructions, String input) throws Exception {
        List<ObjectNode> items = InputItems.read(
                new Fields((ObjectNode) json("{'input': " + input + "}")), (id, path) -> null);
        return new ChatTurns(instructions).add(items).messages();
    }

    @Test
    void whatInstructsAtTheBeginningIsOneMessage() throws Exception {
        assertThat(turns("Be kind.", """
                [{'role': 'developer', 'content': 'Be brief.'}, {'role': 'user', 'content': 'a'},
                 {'role': 'system', 'content': 'Be quick.'}]""")).isEqualTo(json("""
                [{'role': 'system', 'content': [{'type': 'text', 'text': 'Be kind.'},
                   {'type': 'text', 'text': 'Be brief.'}]},
                 {'role': 'user', 'content': [{'type': 'text', 'text': 'a'}]},
                 {'role': 'system', 'content': [{'type': 'text', 'text': 'Be quick.'}]}]"""));
    }

    @Test
    void whatAModelThoughtSaidAndCalledInOneGoIsOneMessage() throws Exception {
        assertThat(turns("", """
                [{'role': 'user', 'content': 'a'},
                 {'type': 'reasoning', 'summary': [{'type': 'summary_text', 'text': 'hm'}]},
                 {'role': 'assistant', 'content': [{'type': 'output_text', 'text': 'I look.'}]},
                 {'type': 'function_call', 'call_id': 'c1', 'name': 'f', 'arguments': '{}'},
                 {'type': 'function_call', 'call_id': 'c2', 'name': 'g', 'arguments': '{}'},
                 {'type': 'function_call_output', 'call_id': 'c1', 'output': 'x'},
                 {'type': 'function_call_output', 'call_id': 'c2',
                  'output': [{'type': 'input_text', 'text': 'y'}]},
                 {'role': 'assistant', 'content': 'Up.'}, {'role': 'assistant', 'content': 'Or'},
                 {'type': 'reasoning', 'summary': [], 'content': [
                   {'type': 'reasoning_text', 'text': 'so'}]}]""")).isEqualTo(
                json("""
                           [{'role': 'user', 'content': [{'type': 'text', 'text': 'a'}]},
                            {'role': 'assistant', 'reasoning_content': 'hm',
                             'content': [{'type': 'text', 'text': 'I look.'}], 'tool_calls': [
                               {'id': 'c1', 'type': 'function',
                        'function': {'name': 'f', 'arguments': '{}'}},
                               {'id': 'c2', 'type': 'function',
                        'function': {'name': 'g', 'arguments': '{}'}}]},
                            {'role': 'tool', 'tool_call_id': 'c1', 'content': 'x'},
                            {'role': 'tool', 'tool_call_id': 'c2',
                             'content': [{'type': 'text', 'text': 'y'}]},
                            {'role': 'assistant', 'content': [{'type': 'text', 'text': 'Up.'}]},
                            {'role': 'assistant', 'content': [{'type': 'text', 'text': 'Or'}]},
                            {'role': 'assistant', 'reasoning_content': 'so', 'content': ''}]"""));
    }

    @Test
    void noMoreTurnsThanNeededAreLeftOutAndInstructionsStay() throws Exception {
        for (int most = 0; most <= 13; most++) {
            ObjectNode chat = (ObjectNode) json("{}");
            chat.set("messages", turns("s", """
                    [{'role': 'user', 'content': '1'}, {'role': 'assistant', 'content': '2'},
                     {'role': 'user', 'content': '3'}, {'role': 'user', 'content': '4'},
                     {'type': 'function_call', 'call_id': 'c', 'name': 'f', 'arguments': '{}'},
                     {'type': 'function_call_output', 'call_id': 'c', 'output': '5'},
                     {'role': 'user', 'content': '6'}]"""));
            Truncation.fit(chat, most, one -> one.get("messages").size());

            int left = chat.get("messages").size();
            assertThat(left).isEqualTo(most >= 8 ? 8 : most >= 6 ? 6 : most == 5 ? 5 : 2);
            assertThat(chat.at("/messages/0/role").stringValue()).isEqualTo("system");
            assertThat(chat.at("/messages/1/role").stringValue()).isEqualTo("user");
        }
    }
}
