package dev.millrace.server.openai;

import dev.millrace.engine.fixtures.FakeTokenizer;
import dev.millrace.engine.fixtures.NextToken;
import dev.millrace.engine.fixtures.ScriptedForwardPass;
import dev.millrace.engine.forward.SamplingRow;
import dev.millrace.server.fixtures.Chat;
import dev.millrace.server.fixtures.LiveServer;
import java.net.http.HttpResponse;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;

import static org.assertj.core.api.Assertions.*;

/** What sampling parameters do, over HTTP, to a model whose tokens are really drawn. */
@Timeout(300)
class SamplingParametersTest {

    private static final AtomicReference<SamplingRow> SEEN = new AtomicReference<>();
    private static LiveServer server;

    @BeforeAll
    static void start() {
        server = LiveServer.with(new ScriptedForwardPass(NextToken.answer("a mill by the mill"))
                .draws(50).poisonWhen(row -> {
                    SEEN.compareAndSet(null, row.sampling());
                    return false;
                })).start();
    }

    @AfterAll
    static void stop() {
        server.close();
    }

    private static JsonNode complete(LiveServer server, String more) throws Exception {
        return server.answer(Chat.COMPLETIONS,
                Chat.completion("\"Once\"", more.replace('\'', '"')));
    }

    private static String text(String more) throws Exception {
        return complete(server, more).at("/choices/0/text").stringValue();
    }

    @Test
    void everyParameterReachesTheSampler() throws Exception {
        SEEN.set(null);
        text("'temperature': 0.5, 'top_k': 7, 'top_p': 0.75, 'min_p': 0.25, 'typical_p': 0.875,"
                + "'top_n_sigma': 3, 'xtc_probability': 0.125, 'xtc_threshold': 0.0625, 'seed': 9,"
                + "'repetition_penalty': 1.5, 'presence_penalty': 1, 'frequency_penalty': -0.5,"
                + "'dry_multiplier': 0.75, 'dry_base': 2, 'dry_allowed_length': 4,"
                + "'dry_penalty_last_n': 99, 'dry_sequence_breakers': ['x']");

        assertThat(SEEN.get().filters()).asString().contains("temperature=0.5", "topK=7",
                "topP=0.75", "minP=0.25", "typicalP=0.875", "topNSigma=3.0",
                "xtcProbability=0.125", "xtcThreshold=0.0625");
        assertThat(SEEN.get().penalties()).asString().contains("repetition=1.5", "presence=1.0",
                "frequency=-0.5", "multiplier=0.75", "base=2.0", "allowedLength=4", "range=99");
        assertThat(SEEN.get().seed()).isEqualTo(9);
    }

    @Test
    void withoutThemNothingIsPenalisedOrLeftOut() throws Exception {
        SEEN.set(null);
        text("'max_tokens': 1");

        assertThat(SEEN.get().filters()).asString().contains("temperature=1.0", "topK=0",
                "topP=1.0", "minP=0.0", "typicalP=1.0", "topNSigma=0.0", "xtcProbability=0.0");
        assertThat(SEEN.get().usesHistory()).isFalse();
        assertThat(SEEN.get().rules().allowed()).isNull();
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
        "'temperature': 0 | a mill by the mill",
        // The word is banned with a space before it, of which its last letter cannot be said.
        "'temperature': 0, 'bad_words': ['mill'], 'max_tokens': 6 | a mil",
        "'temperature': 0, 'bad_words': ['z', 'a mill'], 'max_tokens': 6 | a mil",
        "'temperature': 0, 'stop': ' by', 'include_stop_str_in_output': true | a mill by",
        "'temperature': 0, 'stop': ' by' | a mill",
        "'temperature': 0, 'stop': 'mill', 'min_tokens': 6 | a mill by the",
        "'temperature': 0, 'stop_token_ids': [123] | a mill b",
        "'temperature': 0, 'stop_token_ids': [123], 'include_stop_str_in_output': true | a mill by",
        "'temperature': 0, 'stop_token_ids': [1], 'include_stop_str_in_output': true,"
                + "'skip_special_tokens': false | a mill by the mill</s>",
        "'temperature': 0, 'allowed_token_ids': [99, 110], 'logit_bias': {'110': 9},"
                + "'max_tokens': 3 | ala"})
    void rulesChangeWhatIsSaid(String parameters, String said) throws Exception {
        String unlimited = parameters.contains("max_tokens")
                ? parameters
                : parameters + ", 'max_tokens': 30";

        boolean banned = parameters.contains("bad_words"); // another letter comes instead
        assertThat(text(unlimited)).startsWith(said).doesNotContain(banned ? "mill" : "never")
                .hasSizeBetween(said.length(), said.length() + 1);
    }

    @Test
    void anAnswerIsAsLongAsItMustBe() throws Exception {
        JsonNode answer = complete(server, "'temperature': 0, 'min_tokens': 25, 'max_tokens': 40");

        assertThat(answer.at("/choices/0/text").stringValue()).startsWith("a mill by the mill")
                .hasSizeGreaterThan("a mill by the mill".length());
        assertThat(answer.at("/usage/completion_tokens").intValue()).isBetween(25, 40);
    }

    @Test
    void tokensMayBeShownByTheirIds() throws Exception {
        JsonNode plain = complete(server, "'temperature': 0, 'max_tokens': 2, 'logprobs': 1,"
                + "'return_tokens_as_token_ids': true").at("/choices/0/logprobs");
        JsonNode chat = server.answer(Chat.PATH, Chat.body("\"logprobs\": true, \"max_tokens\": 1,"
                + "\"top_logprobs\": 1, \"return_tokens_as_token_ids\": true"));

        int a = FakeTokenizer.FIRST_BYTE + 'a';
        assertThat(plain.get("tokens").toString()).startsWith("[\"token_id:" + a + "\"");
        assertThat(plain.get("text_offset").toString()).isEqualTo("[0,1]");
        assertThat(plain.at("/top_logprobs/0").propertyNames()).containsExactly("token_id:" + a);
        assertThat(chat.at("/choices/0/logprobs/content/0/token").stringValue())
                .startsWith("token_id:");
    }

    @ParameterizedTest
    @CsvSource({"5, 5", "1, 1", "-1, 5", "511, 5"})
    void aPromptMayBeCutToItsLastTokens(int wanted, int left) throws Exception {
        assertThat(complete(server, "'truncate_prompt_tokens': " + wanted)
                .at("/usage/prompt_tokens").intValue()).isEqualTo(left);
    }

    @Test
    void whatFitsOfALongPromptIsKept() throws Exception {
        String prompt = "\"" + "x".repeat(600) + "\"";

        JsonNode answer = server.answer(Chat.COMPLETIONS, Chat.completion(prompt,
                "\"truncate_prompt_tokens\": -1, \"max_tokens\": 12"));

        assertThat(answer.at("/usage/prompt_tokens").intValue()).isEqualTo(500);
    }

    @Test
    void theBestOfSeveralAreThoseOfTheHighestLogProbability() throws Exception {
        try (LiveServer uncertain = LiveServer.with(new ScriptedForwardPass(NextToken.letters())
                .draws(4)).start()) {
            String parameters = "'temperature': 1, 'seed': 3, 'max_tokens': 8, 'logprobs': 0,"
                    + "'ignore_eos': true,";
            JsonNode all = complete(uncertain, parameters + "'n': 6").get("choices");
            List<JsonNode> ranked = new ArrayList<>();
            all.forEach(ranked::add);
            ranked.sort(Comparator.comparingDouble(choice -> -sum(choice)));

            JsonNode best = complete(uncertain, parameters + "'n': 2, 'best_of': 6");

            assertThat(best.get("choices")).hasSize(2);
            for (int i = 0; i < 2; i++) {
                JsonNode choice = best.at("/choices/" + i);
                assertThat(choice.get("text")).isEqualTo(ranked.get(i).get("text"));
                assertThat(choice.get("index").intValue()).isEqualTo(i);
            }
            assertThat(best.at("/usage/completion_tokens").intValue())
                    .as("all six are paid for").isEqualTo(6 * 8);
            assertThat(best.at("/usage/prompt_tokens").intValue()).isEqualTo("<Once".length());
            assertThat(uncertain.meter().opened()).hasSize(12);
        }
    }

    private static double sum(JsonNode choice) {
        return StreamSupport.stream(choice.at("/logprobs/token_logprobs").spliterator(), false)
                .mapToDouble(JsonNode::doubleValue).sum();
    }

    @Test
    void choosingTheBestShowsNoLogProbabilitiesThatNobodyAskedFor() throws Exception {
        assertThat(complete(server, "'best_of': 3").at("/choices/0/logprobs").isNull()).isTrue();
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
        "'best_of': 1, 'n': 2 | best_of (1) must be at least n (2)",
        "'best_of': 2, 'stream': true | cannot be streamed",
        "'best_of': 0 | best_of must be between 1 and 128, got 0",
        "'best_of': 1000000 | best_of must be between 1 and 128, got 1000000"})
    void theBestCannotBeChosenOfAnyNumber(String parameters, String reason) throws Exception {
        HttpResponse<String> response = server.post(Chat.COMPLETIONS,
                Chat.completion("\"a\"", parameters.replace('\'', '"')));

        assertThat(response.statusCode()).isEqualTo(400);
        JsonNode error = LiveServer.json(response.body()).get("error");
        assertThat(error.get("param").stringValue()).isEqualTo("best_of");
        assertThat(error.get("message").stringValue()).contains(reason);
    }
}
