package dev.millrace.server.openai;

import dev.millrace.engine.ReplyOptions;
import dev.millrace.engine.SamplingParameters;
import dev.millrace.server.fixtures.Chat;
import dev.millrace.server.fixtures.LiveServer;
import dev.millrace.server.openai.completion.AnswerOptions;
import dev.millrace.server.openai.completion.GenerationOptions;
import java.net.http.HttpResponse;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

import static org.assertj.core.api.Assertions.*;

/** Every parameter at both of its bounds, just beyond them, and as something else altogether. */
@Timeout(300)
class ParameterBoundsTest {

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
    @ValueSource(strings = {"'temperature': 0", "'temperature': 2", "'temperature': 1e-3",
        "'temperature': null", "'top_p': 0", "'top_p': 1", "'n': 1", "'n': 16",
        "'max_tokens': 1", "'max_completion_tokens': 1",
        "'max_tokens': 7, 'max_completion_tokens': 7", "'max_tokens': 493",
        "'presence_penalty': -2", "'presence_penalty': 2", "'frequency_penalty': -2",
        "'frequency_penalty': 2.0", "'seed': 9223372036854775807",
        "'seed': -9223372036854775808", "'logit_bias': {}",
        "'logit_bias': {'0': -100, '257': 100}", "'logprobs': false",
        "'logprobs': true, 'top_logprobs': 0", "'logprobs': true, 'top_logprobs': 20",
        "'top_logprobs': 0", "'stop': []", "'stop': ['a','b','c','d']", "'stop': null",
        "'top_k': -1", "'top_k': 0", "'top_k': 2147483647", "'min_p': 0", "'min_p': 1",
        "'repetition_penalty': 0.01", "'repetition_penalty': 10", "'stop_token_ids': []",
        "'stop_token_ids': [0, 257]", "'ignore_eos': false", "'stream': false",
        "'stream': null", "'stream': true, 'stream_options': {}",
        "'stream_options': null", "'user': 'someone'", "'cache_salt': 'mine'",
        "'typical_p': 0", "'typical_p': 1", "'top_n_sigma': -1", "'top_n_sigma': 100",
        "'xtc_probability': 1, 'xtc_threshold': 0", "'xtc_threshold': 1",
        "'dry_multiplier': 0", "'dry_multiplier': 100, 'dry_base': 1, 'dry_allowed_length': 0",
        "'dry_multiplier': 1, 'dry_base': 100, 'dry_allowed_length': 2147483647",
        "'dry_multiplier': 1, 'dry_penalty_last_n': -1", "'dry_penalty_last_n': 2147483647",
        "'dry_multiplier': 1, 'dry_sequence_breakers': []",
        "'dry_multiplier': 1, 'dry_sequence_breakers': ['a', '\u20ac.']",
        "'bad_words': []", "'bad_words': ['never', ' said']", "'min_tokens': 0",
        "'min_tokens': 5, 'max_tokens': 5", "'allowed_token_ids': [0, 257]",
        "'include_stop_str_in_output': true", "'skip_special_tokens': false",
        "'return_tokens_as_token_ids': true", "'truncate_prompt_tokens': -1",
        "'prompt_logprobs': 0", "'prompt_logprobs': 20",
        "'truncate_prompt_tokens': 1", "'truncate_prompt_tokens': 511"})
    void bothEndsOfARangeAreAllowed(String parameter) throws Exception {
        HttpResponse<String> response = server.post(Chat.PATH,
                Chat.body(parameter.replace('\'', '"')));

        assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
        "temperature | -0.0001", "temperature | 2.0001", "temperature | 1e400",
        "temperature | -1e400", "temperature | '1'", "temperature | true",
        "temperature | []", "temperature | 99999999999999999999999999999999999999999",
        "top_p | -0.1", "top_p | 1.1", "n | 0", "n | -1", "n | 129", "n | 1000000",
        "n | 1.0", "n | '2'", "n | 9223372036854775808", "max_tokens | 0",
        "max_tokens | -1", "max_tokens | 9223372036854775807",
        "max_tokens | 9223372036854775808", "max_tokens | 1.5",
        "max_completion_tokens | 0", "max_completion_tokens | -5",
        "presence_penalty | -2.1", "presence_penalty | 2.1", "frequency_penalty | -2.1",
        "frequency_penalty | 2.1", "seed | 9223372036854775808", "seed | 0.5",
        "seed | 'lucky'", "logit_bias | []", "logit_bias | {'258': 1}",
        "logit_bias | {'-1': 1}", "logit_bias | {'x': 1}", "logit_bias | {'5': 101}",
        "logit_bias | {'5': -101}", "logit_bias | {'5': null}", "logprobs | 1",
        "logprobs | 'yes'", "stop | ''", "stop | ['']", "stop | ['a','b','c','d','e']",
        "stop | 5", "stop | [5]", "stop | [null]", "top_k | -2", "top_k | 2147483648",
        "top_k | 0.5", "min_p | -0.1", "min_p | 1.1", "repetition_penalty | 0",
        "repetition_penalty | 10.1", "repetition_penalty | -1", "stop_token_ids | [258]",
        "stop_token_ids | [-1]", "stop_token_ids | 5", "ignore_eos | 1", "stream | 'true'",
        "stream | 1", "stream_options | {}", "stream_options | []", "cache_salt | 5",
        "typical_p | -0.1", "typical_p | 1.1", "typical_p | 'NaN'", "top_n_sigma | -2",
        "top_n_sigma | 101", "xtc_probability | 1.1", "xtc_threshold | -1",
        "dry_multiplier | -1", "dry_multiplier | 101", "dry_multiplier | 1e400",
        "dry_base | 0.5", "dry_base | 101", "dry_allowed_length | -1",
        "dry_allowed_length | 2147483648", "dry_penalty_last_n | -2",
        "dry_sequence_breakers | 'a'", "dry_sequence_breakers | ['']",
        "dry_sequence_breakers | [1]", "bad_words | 'no'", "bad_words | ['']",
        "bad_words | [5]", "min_tokens | -1", "min_tokens | 512", "min_tokens | 0.5",
        "allowed_token_ids | []", "allowed_token_ids | [258]", "allowed_token_ids | [-1]",
        "allowed_token_ids | ['a']", "include_stop_str_in_output | 1",
        "skip_special_tokens | 'no'", "return_tokens_as_token_ids | 1",
        "prompt_logprobs | -1", "prompt_logprobs | 21", "prompt_logprobs | true",
        "truncate_prompt_tokens | 0", "truncate_prompt_tokens | -2",
        "truncate_prompt_tokens | 513"})
    void whatIsBeyondARangeIsRefusedByName(String field, String value) throws Exception {
        String json = "\"" + field + "\": " + value.replace('\'', '"');

        HttpResponse<String> response = server.post(Chat.PATH, Chat.body(json));

        assertThat(response.statusCode()).as(response.body()).isEqualTo(400);
        JsonNode error = LiveServer.json(response.body()).get("error");
        assertThat(error.get("type").stringValue()).isEqualTo("invalid_request_error");
        assertThat(error.get("param").stringValue()).startsWith(field);
        assertThat(error.get("message").stringValue()).contains(field)
                .hasSizeLessThan(400).doesNotContain("Exception");
        assertThat(error.get("code").stringValue()).isIn("invalid_value", "invalid_type");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
        "top_logprobs | 'top_logprobs': 3", "top_logprobs | 'logprobs': true, 'top_logprobs': 21",
        "top_logprobs | 'logprobs': true, 'top_logprobs': 1000000",
        "top_logprobs | 'logprobs': true, 'top_logprobs': -1",
        "max_tokens | 'max_tokens': 5, 'max_completion_tokens': 6",
        "stream_options | 'stream': false, 'stream_options': {'include_usage': true}",
        "stream_options.include_usage | 'stream': true, 'stream_options': {'include_usage': 1}"})
    void fieldsThatContradictEachOtherAreRefused(String field, String json) throws Exception {
        HttpResponse<String> response = server.post(Chat.PATH, Chat.body(json.replace('\'', '"')));

        assertThat(response.statusCode()).as(response.body()).isEqualTo(400);
        assertThat(LiveServer.json(response.body()).at("/error/param").stringValue())
                .isEqualTo(field);
    }

    @ParameterizedTest
    @ValueSource(ints = {-1, 21, 1_000_000})
    void plainCompletionsTakeUpToTwentyLogProbabilities(int logprobs) throws Exception {
        HttpResponse<String> response = server.post(Chat.COMPLETIONS,
                Chat.completion("\"a\"", "\"logprobs\": " + logprobs));

        assertThat(response.statusCode()).isEqualTo(400);
        assertThat(LiveServer.json(response.body()).at("/error/message").stringValue())
                .contains("between 0 and 20").contains("" + logprobs);
    }

    @Test
    void tenThousandStopSequencesAreRefusedWithBothNumbers() throws Exception {
        String stops = "[" + "\"a\",".repeat(9_999) + "\"a\"]";

        String message = server.answer(Chat.PATH, Chat.body("\"stop\": " + stops))
                .at("/error/message").stringValue();

        assertThat(message).isEqualTo("stop may have at most 4 elements, got 10000");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
        "bad_words | 129 | 'a' | bad_words may have at most 128 elements, got 129",
        "dry_sequence_breakers | 17 | 'a' | dry_sequence_breakers may have at most 16 elements,"
                + " got 17",
        "allowed_token_ids | 259 | 5 | allowed_token_ids may have at most 258 elements, got 259",
        "stop_token_ids | 65 | 5 | stop_token_ids may have at most 64 elements, got 65"})
    void listsHaveALongestLength(String field, int count, String element, String message)
            throws Exception {
        String list = String.join(",", Collections.nCopies(count, element)).replace('\'', '"');

        assertThat(server.answer(Chat.PATH, Chat.body("\"" + field + "\": [" + list + "]"))
                .at("/error/message").stringValue()).isEqualTo(message);
    }

    @Test
    void aStopSequenceHasALongestLength() throws Exception {
        assertThat(server.post(Chat.PATH, Chat.body("\"stop\": \"" + "x".repeat(1024) + "\""))
                .statusCode()).isEqualTo(200);
        assertThat(server.post(Chat.PATH, Chat.body("\"stop\": \"" + "x".repeat(1025) + "\""))
                .statusCode()).isEqualTo(400);
    }

    @Test
    void aBiasMayNameSomeTokensButNotAnyNumber() throws Exception {
        StringBuilder bias = new StringBuilder("\"0\": 1");
        for (int i = 1; i < 1025; i++) {
            bias.append(", \"").append("0".repeat(i % 200)).append(i).append("\": 1");
        }

        String message = server.answer(Chat.PATH, Chat.body("\"logit_bias\": {" + bias + "}"))
                .at("/error/message").stringValue();

        assertThat(message).isEqualTo("logit_bias may name at most 1024 tokens, got 1025");
    }

    @Test
    void aPromptLongerThanTheContextIsRefusedWithBothCounts() throws Exception {
        String prompt = "\"" + "x".repeat(600) + "\"";

        HttpResponse<String> response = server.post(Chat.COMPLETIONS, Chat.completion(prompt, ""));

        assertThat(response.statusCode()).isEqualTo(400);
        JsonNode error = LiveServer.json(response.body()).get("error");
        assertThat(error.get("code").stringValue()).isEqualTo("context_length_exceeded");
        assertThat(error.get("message").stringValue()).contains("601 tokens").contains("512");
        assertThat(error.get("param").stringValue()).isEqualTo("prompt");
    }

    @Test
    void moreTokensThanTheContextHasLeftAreRefusedWithWhatIsLeft() throws Exception {
        HttpResponse<String> response = server.post(Chat.PATH, Chat.body("\"max_tokens\": 495"));

        assertThat(response.statusCode()).isEqualTo(400);
        JsonNode error = LiveServer.json(response.body()).get("error");
        assertThat(error.get("code").stringValue()).isEqualTo("context_length_exceeded");
        assertThat(error.get("message").stringValue()).contains("19 tokens").contains("495")
                .contains("514").contains("512").contains("at most 493");
    }

    @Test
    void theSameSeedGivesTheSameChoicesAndTheyDifferFromEachOther() {
        GenerationOptions options = options(7);

        assertThat(options.samplingOf(0).seed()).isEqualTo(7);
        assertThat(options.samplingOf(1).seed()).isEqualTo(options(7).samplingOf(1).seed());
        assertThat(options.samplingOf(1).seed()).isNotEqualTo(options.samplingOf(2).seed());
        assertThat(options.samplingOf(1).seed()).isNotEqualTo(options(8).samplingOf(1).seed());
    }

    private static GenerationOptions options(long seed) {
        return new GenerationOptions(new SamplingParameters(1, 0, 1, 0, seed,
                1, 0, 0, Map.of()), 0, 3, List.of(), new int[0], false, -1,
                false, false, "", null,
                new AnswerOptions(ReplyOptions.DEFAULT, 3, false, false, false));
    }
}
