package dev.millrace.server.openai;

import dev.millrace.server.fixtures.Chat;
import dev.millrace.server.fixtures.LiveServer;
import java.net.http.HttpResponse;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

import static org.assertj.core.api.Assertions.*;

/** What cannot be honoured is refused by name; what asks for nothing is let through. */
@Timeout(300)
class RefusedFieldsTest {

    private static LiveServer server;

    @BeforeAll
    static void start() {
        server = LiveServer.saying("ok");
    }

    @AfterAll
    static void stop() {
        server.close();
    }

    @ParameterizedTest
    @ValueSource(strings = {"'functions': [{'name': 'f'}]", "'function_call': {'name': 'f'}",
        "'modalities': ['text', 'audio']", "'audio': {'voice': 'alloy'}",
        "'prediction': {'type': 'content', 'content': 'x'}", "'web_search_options': {}",
        "'verbosity': 'low'",
        "'guided_whitespace_pattern': ' '", "'chat_template': '{{ messages }}'",
        "'continue_final_message': true", "'echo': true", "'use_beam_search': true",
        "'best_of': 2",
        "'mirostat': 2", "'dynatemp_range': 0.5", "'samplers': ['top_k']",
        "'logits_processors': ['x']", "'kv_transfer_params': {'a': 1}", "'vllm_xargs': {'a': 1}",
        "'logprob_token_ids': [1]", "'lora': [{'id': 0, 'scale': 1}]", "'t_max_predict_ms': 5",
        "'return_tokens': true", "'post_sampling_probs': true", "'include_reasoning': false",
        "'reasoning_format': 'none'", "'repeat_penalty': 1.1", "'n_predict': 5", "'n_probs': 3"})
    void aChatFieldThatCannotBeHonouredIsRefused(String field) throws Exception {
        expectRefusal(field, server.post(Chat.PATH, Chat.body(field.replace('\'', '"'))));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"'suffix': 'the end'", "'guided_whitespace_pattern': ' '"})
    void aCompletionFieldThatCannotBeHonouredIsRefused(String field) throws Exception {
        expectRefusal(field, server.post(Chat.COMPLETIONS,
                Chat.completion("\"a\"", field.replace('\'', '"'))));
    }

    private static void expectRefusal(String field, HttpResponse<String> response) {
        String name = field.substring(1, field.indexOf('\'', 1));
        assertThat(response.statusCode()).as(response.body()).isEqualTo(400);
        JsonNode error = LiveServer.json(response.body()).get("error");
        assertThat(error.get("code").stringValue()).isEqualTo("unsupported_parameter");
        assertThat(error.get("param").stringValue()).isEqualTo(name);
        assertThat(error.get("message").stringValue()).contains(name).contains("leave it out");
    }

    @ParameterizedTest
    @ValueSource(strings = {"'tools': []", "'tools': null", "'tool_choice': 'none'",
        "'tool_choice': 'auto'", "'parallel_tool_calls': true", "'functions': []",
        "'function_call': 'none'", "'response_format': {'type': 'text'}",
        "'modalities': ['text']", "'audio': null", "'reasoning_effort': 'none'",
        "'chat_template_kwargs': {}", "'min_tokens': 0", "'store': true",
        "'metadata': {'a': 'b'}", "'mirostat': 0", "'repeat_penalty': 1.0",
        "'service_tier': 'auto'", "'prompt_cache_key': 'k'",
        "'safety_identifier': 's'", "'a_field_of_the_future': [1, {'x': null}]"})
    void aFieldThatAsksForNothingIsLetThrough(String field) throws Exception {
        HttpResponse<String> response = server.post(Chat.PATH, Chat.body(field.replace('\'', '"')));

        assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
    }

    @ParameterizedTest
    @ValueSource(strings = {"'echo': false", "'suffix': ''", "'suffix': null", "'best_of': 1"})
    void aCompletionFieldThatAsksForNothingIsLetThrough(String field) throws Exception {
        assertThat(server.post(Chat.COMPLETIONS,
                Chat.completion("\"a\"", field.replace('\'', '"'))).statusCode()).isEqualTo(200);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
        "messages | []", "messages | {}", "messages | 'hi'", "messages[0] | ['hi']",
        "messages[0].role | [{'content': 'hi'}]",
        "messages[0].role | [{'role': 'wizard', 'content': 'hi'}]",
        "messages[0].role | [{'role': 5, 'content': 'hi'}]",
        "messages[0].content | [{'role': 'user'}]",
        "messages[0].content | [{'role': 'user', 'content': null}]",
        "messages[0].content | [{'role': 'assistant', 'content': null}]",
        "messages[0].content | [{'role': 'user', 'content': 5}]",
        "messages[0].content | [{'role': 'user', 'content': '\\ud800 alone'}]",
        "messages[0].content | [{'role': 'user', 'content': '\\udc00\\ud800'}]",
        "messages[0].content[0] | [{'role': 'user', 'content': ['hi']}]",
        "messages[0].content[0].text | [{'role': 'user', 'content': [{'type': 'text'}]}]",
        "messages[0].content[0].type | [{'role': 'user', 'content': [{'text': 'hi'}]}]",
        "messages[1].name | [{'role': 'user', 'content': ''}, "
                + "{'role': 'user', 'content': '', 'name': 5}]",
        "messages[0].tool_calls[0].function | [{'role': 'assistant', 'tool_calls': [{}]}]"})
    void aMessageThatIsNotOneIsRefusedByItsPath(String path, String messages) throws Exception {
        HttpResponse<String> response = server.post(Chat.PATH,
                Chat.messages(messages.replace('\'', '"')));

        assertThat(response.statusCode()).as(response.body()).isEqualTo(400);
        assertThat(LiveServer.json(response.body()).at("/error/param").stringValue())
                .isEqualTo(path);
    }

    @ParameterizedTest
    @ValueSource(strings = {"image_url", "input_audio", "file", "video"})
    void aPartThatIsNotTextIsRefusedAsSuch(String type) throws Exception {
        JsonNode error = server.answer(Chat.PATH, Chat.messages("[{\"role\":\"user\",\"content\":"
                + "[{\"type\":\"" + type + "\"}]}]")).get("error");

        assertThat(error.get("code").stringValue()).isEqualTo("unsupported_parameter");
        assertThat(error.get("message").stringValue()).contains(type).contains("text only");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {"model | {}",
        "model | {'model': null}", "messages | {'model': 'scripted'}"})
    void whatIsRequiredIsNamed(String field, String body) throws Exception {
        JsonNode error = server.answer(Chat.PATH, body.replace('\'', '"')).get("error");

        assertThat(error.get("code").stringValue()).isEqualTo("missing_required_parameter");
        assertThat(error.get("param").stringValue()).isEqualTo(field);
    }

    @Test
    void usageOfEveryChunkIsRefused() throws Exception {
        HttpResponse<String> response = server.post(Chat.PATH, Chat.body(
                "\"stream\": true, \"stream_options\": {\"continuous_usage_stats\": true}"));

        assertThat(response.statusCode()).isEqualTo(400);
        assertThat(response.body()).contains("stream_options.continuous_usage_stats");
    }
}
