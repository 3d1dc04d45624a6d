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

/**
 * What clients may ask an answer to be, on the wire. The model here is a script, which says the
 * same whatever the masks; the engine fails an answer that breaks its constraint, so an answer that
 * comes has kept to it.
 */
@Timeout(600)
class StructuredOutputTest {

    private static final String ANSWER = "{\"name\": \"Ada\", \"born\": 1815}";
    private static final String SCHEMA = "{'type': 'object', 'properties': {'name': {'type': "
            + "'string'}, 'born': {'type': 'integer'}}, 'required': ['name', 'born'], "
            + "'additionalProperties': false}";

    private static LiveServer server;

    @BeforeAll
    static void start() {
        server = LiveServer.saying(ANSWER);
    }

    @AfterAll
    static void stop() {
        server.close();
    }

    private static String json(String text) {
        return text.replace('\'', '"');
    }

    private static String format(String schema) {
        return json("'response_format': {'type': 'json_schema', 'json_schema': {'name': 'person',"
                + " 'strict': true, 'schema': " + schema + "}}");
    }

    @ParameterizedTest
    @ValueSource(strings = {"'response_format': {'type': 'json_object'}",
        "'response_format': {'type': 'json_object', 'schema': " + SCHEMA + "}",
        "'response_format': {'type': 'json_schema', 'schema': " + SCHEMA + "}",
        "'json_schema': " + SCHEMA,
        "'structured_outputs': {'json': " + SCHEMA + "}",
        "'structured_outputs': {'json_object': true, 'disable_any_whitespace': false}",
        "'structured_outputs': {'grammar': 'root ::= [^x]+'}",
        "'structured_outputs': {'regex': '\\\\{.*1815\\\\}'}", "'guided_json': " + SCHEMA,
        "'guided_regex': '.*'", "'guided_grammar': 'root ::= .*'", "'grammar': 'root ::= .*'",
        "'guided_choice': ['{\\\"name\\\": \\\"Ada\\\", \\\"born\\\": 1815}', 'no']",
        "'guided_json': '{\\\"type\\\": \\\"object\\\"}'", "'response_format': {'type': 'text'}"})
    void anAnswerThatKeepsToItComes(String field) throws Exception {
        JsonNode answer = server.answer(Chat.PATH, Chat.body(json(field)));
        JsonNode completion = server.answer(Chat.COMPLETIONS,
                Chat.completion("\"a\"", "\"max_tokens\": 60, " + json(field)));

        assertThat(answer.at("/choices/0/message/content").stringValue()).isEqualTo(ANSWER);
        assertThat(answer.at("/choices/0/finish_reason").stringValue()).isEqualTo("stop");
        assertThat(completion.at("/choices/0/text").stringValue()).isEqualTo(ANSWER);
    }

    @Test
    void aSchemaEndsAnAnswerWithoutATokenForTheEnd() throws Exception {
        JsonNode free = server.answer(Chat.PATH, Chat.body(""));
        JsonNode constrained = server.answer(Chat.PATH, Chat.body(format(SCHEMA)));

        assertThat(constrained.at("/choices/0/message/content").stringValue()).isEqualTo(ANSWER);
        assertThat(constrained.at("/usage/completion_tokens").intValue())
                .isEqualTo(free.at("/usage/completion_tokens").intValue() - 1);
    }

    @Test
    void streamsAndSeveralChoicesAreConstrainedToo() throws Exception {
        HttpResponse<String> stream = server.post(Chat.PATH,
                Chat.body(format(SCHEMA) + ", \"stream\": true, \"n\": 2"));

        assertThat(stream.body()).contains("\"finish_reason\":\"stop\"").endsWith("[DONE]\n\n")
                .doesNotContain("error");
    }

    @ParameterizedTest
    @ValueSource(strings = {"'guided_regex': '[0-9]+'", "'json_schema': {'type': 'integer'}",
        "'response_format': {'type': 'json_object', 'schema': {'type': 'integer'}}",
        "'response_format': {'type': 'json_schema', 'schema': {'type': 'integer'}}"})
    void anAnswerThatBreaksItIsAnErrorAndNotAnAnswer(String field) throws Exception {
        HttpResponse<String> response = server.post(Chat.PATH, Chat.body(json(field)));

        assertThat(response.statusCode()).isEqualTo(500);
        assertThat(response.body()).contains("not allowed").doesNotContain("Ada");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
        "'response_format': 5 | response_format | invalid_type",
        "'response_format': {} | response_format.type | missing_required_parameter",
        "'response_format': {'type': 'xml'} | response_format.type | invalid_value",
        "'response_format': {'type': 'json_schema'} | response_format.json_schema "
                + "| missing_required_parameter",
        "'response_format': {'type': 'json_schema', 'json_schema': {'name': 's'}} "
                + "| response_format.json_schema.schema | missing_required_parameter",
        "'response_format': {'type': 'json_schema', 'json_schema': {'name': 'a b', 'schema': {}}} "
                + "| response_format.json_schema.name | invalid_value",
        "'response_format': {'type': 'json_schema', 'json_schema': {'name': 's', 'schema': "
                + "{'not': {}}}} | response_format.json_schema.schema | invalid_json_schema",
        "'response_format': {'type': 'json_schema', 'json_schema': {'name': 's', 'schema': "
                + "{'$ref': '#'}}} | response_format.json_schema.schema | invalid_json_schema",
        "'structured_outputs': {} | structured_outputs | invalid_value",
        "'structured_outputs': {'regex': '('} | structured_outputs.regex | invalid_value",
        "'structured_outputs': {'regex': 'a', 'choice': ['b']} | structured_outputs.choice "
                + "| invalid_value",
        "'structured_outputs': {'structural_tag': 'x'} | structured_outputs.structural_tag "
                + "| unsupported_parameter",
        "'structured_outputs': {'disable_additional_properties': true} "
                + "| structured_outputs.disable_additional_properties | unsupported_parameter",
        "'structured_outputs': {'choice': []} | structured_outputs.choice | invalid_value",
        "'structured_outputs': {'choice': [5]} | structured_outputs.choice | invalid_type",
        "'structured_outputs': {'grammar': 'x'} | structured_outputs.grammar | invalid_grammar",
        "'guided_json': '{' | guided_json | invalid_value",
        "'guided_json': 5 | guided_json | invalid_json_schema",
        "'guided_regex': 'a{1,999999999}' | guided_regex | invalid_value",
        "'guided_regex': 'a', 'response_format': {'type': 'json_object'} | guided_regex "
                + "| invalid_value"})
    void whatCannotBeEnforcedIsRefused(String field, String param, String code) throws Exception {
        HttpResponse<String> response = server.post(Chat.PATH, Chat.body(json(field)));

        assertThat(response.statusCode()).as(response.body()).isEqualTo(400);
        JsonNode error = LiveServer.json(response.body()).get("error");
        assertThat(error.get("param").stringValue()).isEqualTo(param);
        assertThat(error.get("code").stringValue()).isEqualTo(code);
    }

    @Test
    void hostileConstraintsAreRefused() throws Exception {
        for (String field : new String[]{"\"guided_regex\": \"" + "(".repeat(60_000) + "\"",
            "\"guided_grammar\": \"root ::= " + "(".repeat(60_000) + "\"",
            "\"guided_regex\": \"(a|b)*a(a|b){40}\"",
            "\"guided_json\": {\"enum\": [0" + ",1".repeat(100_000) + "]}"}) {
            HttpResponse<String> response = server.post(Chat.PATH, Chat.body(field));

            assertThat(response.statusCode()).as(field.substring(0, 30)).isEqualTo(400);
        }
    }
}
