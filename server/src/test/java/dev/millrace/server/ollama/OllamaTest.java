package dev.millrace.server.ollama;

import dev.millrace.server.fixtures.LiveServer;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

import static org.assertj.core.api.Assertions.*;

@Timeout(300)
class OllamaTest {

    private static final LiveServer server = LiveServer.saying("Hello Zoë");

    @AfterAll
    static void stop() {
        server.close();
    }

    private static String chat(String more) {
        return "{\"model\":\"scripted\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]"
                + (more.isEmpty() ? "" : "," + more) + "}";
    }

    private static List<JsonNode> lines(String body) {
        assertThat(body).endsWith("\n");
        return body.lines().map(LiveServer::json).toList();
    }

    @Test
    void aChatStreamsLinesUnlessItSaysOtherwise() throws Exception {
        HttpResponse<String> response = server.post("/api/chat", chat(""));
        List<JsonNode> lines = lines(response.body());
        JsonNode whole = server.answer("/api/chat", chat("\"stream\":false"));

        assertThat(response.headers().firstValue("content-type").orElseThrow())
                .startsWith("application/x-ndjson");
        StringBuilder text = new StringBuilder();
        lines.forEach(line -> text.append(line.at("/message/content").stringValue()));
        assertThat(text).hasToString("Hello Zoë");
        assertThat(lines.subList(0, lines.size() - 1))
                .allMatch(line -> !line.get("done").booleanValue());
        JsonNode last = lines.getLast();
        assertThat(last.get("done").booleanValue()).isTrue();
        assertThat(last.get("done_reason").stringValue()).isEqualTo("stop");
        assertThat(last.get("eval_count").intValue()).isEqualTo(11);
        assertThat(last.get("eval_duration").longValue()).isEqualTo(3_500_000);
        assertThat(last.get("prompt_eval_duration").longValue()).isEqualTo(2_000_000);
        assertThat(last.at("/usage/cost").doubleValue()).isPositive();
        assertThat(whole.at("/message/content").stringValue()).isEqualTo("Hello Zoë");
        assertThat(whole.get("total_duration").longValue()).isPositive();
        assertThat(server.meter().opened())
                .anyMatch(request -> request.endpoint().equals("/api/chat"));
    }

    @Test
    void aGenerationIsAnAnswerToItsPrompt() throws Exception {
        JsonNode whole = server.answer("/api/generate", """
                {"model": "scripted:latest", "prompt": "hi", "system": "s", "stream": false,
                 "options": {"num_predict": 3, "temperature": 0, "num_ctx": 64, "num_gpu": 1}}""");

        assertThat(whole.get("response").stringValue()).isEqualTo("Hel");
        assertThat(whole.get("done_reason").stringValue()).isEqualTo("length");
        assertThat(server.answer("/api/generate", "{\"model\":\"scripted\"}").get("done_reason")
                .stringValue()).isEqualTo("load");
    }

    @Test
    void aRawPromptGoesToTheModelAsItIsSpecialTokensIncluded() throws Exception {
        String prompt = "\"model\":\"scripted\",\"prompt\":\"<s>hi</s>\"";
        JsonNode raw = server.answer("/api/generate", "{" + prompt
                + ",\"raw\":true,\"stream\":false,\"options\":{\"num_predict\":3}}");
        List<JsonNode> lines = lines(server.post("/api/generate", "{" + prompt
                + ",\"raw\":true}").body());

        assertThat(raw.get("prompt_eval_count").intValue()).isEqualTo(4);
        assertThat(raw.get("response").stringValue()).isEqualTo("Hel");
        assertThat(raw.get("done_reason").stringValue()).isEqualTo("length");
        StringBuilder text = new StringBuilder();
        lines.forEach(line -> text.append(line.get("response").stringValue()));
        assertThat(text).hasToString("Hello Zoë");
        assertThat(lines.getLast().get("done_reason").stringValue()).isEqualTo("stop");
        assertThat(server.post("/api/generate", "{\"model\":\"scripted-embedder\","
                + "\"prompt\":\"a\",\"raw\":true}").statusCode()).isEqualTo(400);
    }

    /** A schema that is satisfied ends an answer without a token that says so. */
    @Test
    void formatIsEnforced() throws Exception {
        try (LiveServer red = LiveServer.saying("\"red\"")) {
            JsonNode free = red.answer("/api/chat", chat("\"stream\":false"));
            JsonNode held = red.answer("/api/chat", chat("\"stream\":false,\"format\":"
                    + "{\"type\":\"string\",\"enum\":[\"red\"]}"));

            assertThat(held.at("/message/content").stringValue()).isEqualTo("\"red\"");
            assertThat(held.get("eval_count").intValue())
                    .isEqualTo(free.get("eval_count").intValue() - 1);
        }
    }

    @Test
    void textsAreEmbedded() throws Exception {
        JsonNode answer = server.answer("/api/embed",
                "{\"model\":\"scripted-embedder\",\"input\":[\"a\",\"b\"],\"dimensions\":4}");

        assertThat(answer.get("embeddings")).hasSize(2);
        assertThat(answer.at("/embeddings/1")).hasSize(4);
        assertThat(answer.get("prompt_eval_count").intValue()).isEqualTo(4);
    }

    @Test
    void modelsAreToldOf() throws Exception {
        JsonNode tags = LiveServer.json(server.get("/api/tags").body());
        JsonNode shown = server.answer("/api/show", "{\"model\":\"scripted\"}");

        assertThat(tags.get("models")).hasSize(2);
        assertThat(tags.at("/models/0/name").stringValue()).isEqualTo("scripted");
        assertThat(LiveServer.json(server.get("/api/ps").body()).get("models")).hasSize(2);
        assertThat(LiveServer.json(server.get("/api/version").body()).has("version")).isTrue();
        assertThat(shown.at("/model_info/script.context_length").intValue()).isEqualTo(512);
        assertThat(shown.get("capabilities").toString()).contains("completion");
        assertThat(server.answer("/api/show", "{\"name\":\"scripted-embedder\"}")
                .get("capabilities").toString()).contains("embedding");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {"\"options\":{\"num_ctx\":100000} | options.num_ctx",
        "\"options\":{\"mirostat\":1} | mirostat", "\"options\":{\"fancy\":1} | options.fancy",
        "\"options\":{\"repeat_last_n\":-2,\"repeat_penalty\":1.1} | options.repeat_last_n",
        "\"options\":{\"repeat_last_n\":1.5} | options.repeat_last_n",
        "\"options\":{\"penalize_newline\":false,\"presence_penalty\":1}"
                + " | options.penalize_newline",
        "\"options\":{\"temperature\":9} | temperature", "\"format\":\"xml\" | format",
        "\"think\":true | does not support thinking", "\"options\":5 | options",
        "\"stream\":\"no\" | stream"})
    void whatCannotBeHonouredIsRefusedInOllamasWords(String more, String reason)
            throws Exception {
        HttpResponse<String> refused = server.post("/api/chat", chat(more));

        assertThat(refused.statusCode()).as(refused.body()).isEqualTo(400);
        assertThat(LiveServer.json(refused.body()).get("error").stringValue()).contains(reason);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {"\"images\":[\"aGk=\"] | text only",
        "\"raw\":true,\"system\":\"s\" | write it into the prompt",
        "\"raw\":true,\"logprobs\":true | logprobs", "\"raw\":5 | raw",
        "\"context\":[1,2] | context",
        "\"suffix\":\"x\" | suffix"})
    void generationsThatCannotBeMadeAreRefused(String more, String reason) throws Exception {
        HttpResponse<String> refused = server.post("/api/generate",
                "{\"model\":\"scripted\",\"prompt\":\"a\"," + more + "}");

        assertThat(refused.statusCode()).isEqualTo(400);
        assertThat(LiveServer.json(refused.body()).get("error").stringValue()).contains(reason);
    }

    /** Ollama's own examples are plain {@code curl -d}, which calls a body a form. */
    @ParameterizedTest
    @ValueSource(strings = {"application/x-www-form-urlencoded", "text/plain",
        "text/plain;charset=iso-8859-1", "multipart/form-data; boundary=x", "nonsense"})
    void bodiesAreJsonWhateverTheirTypeSays(String type) throws Exception {
        assertThat(form("/api/generate", type).statusCode()).isEqualTo(200);
        assertThat(form("/api/show", type).statusCode()).isEqualTo(200);
        assertThat(form("/v1/completions", type).statusCode()).isEqualTo(415);
    }

    /** What a browser sends without asking first always tells the page that it is of. */
    @ParameterizedTest
    @ValueSource(strings = {"https://evil.example", "null", "http://127.0.0.1.evil.example"})
    void formsOfForeignPagesAreRefusedAllTheSame(String origin) throws Exception {
        for (String type : List.of("application/x-www-form-urlencoded", "text/plain",
                "multipart/form-data; boundary=x", "application/json")) {
            HttpResponse<String> refused = form("/api/generate", type, "Origin", origin);

            assertThat(refused.statusCode()).isEqualTo(403);
            assertThat(LiveServer.json(refused.body()).get("error").stringValue())
                    .contains(origin);
        }
        assertThat(form("/api/generate", "text/plain", "Origin", "http://localhost:3000")
                .statusCode()).isEqualTo(200);
    }

    private static HttpResponse<String> form(String path, String type, String... headers)
            throws Exception {
        HttpRequest.Builder request = HttpRequest.newBuilder(server.uri(path))
                .header("Content-Type", type).POST(BodyPublishers.ofString(
                        "{\"model\":\"scripted\",\"prompt\":\"hi\",\"stream\":false}"));
        return server.send((headers.length == 0 ? request : request.headers(headers)).build());
    }

    @Test
    void logProbabilitiesComeWithTheirPieces() throws Exception {
        JsonNode whole = server.answer("/api/chat",
                chat("\"stream\":false,\"logprobs\":true,\"top_logprobs\":2"));
        List<JsonNode> lines = lines(server.post("/api/generate",
                "{\"model\":\"scripted\",\"prompt\":\"a\",\"logprobs\":true}").body());

        assertThat(whole.get("logprobs")).hasSize(10);
        assertThat(whole.at("/logprobs/0/token").stringValue()).isEqualTo("H");
        assertThat(whole.at("/logprobs/0/top_logprobs")).hasSize(2);
        assertThat(lines.getFirst().at("/logprobs/0/token").stringValue()).isEqualTo("H");
        assertThat(lines.stream().mapToInt(line -> line.path("logprobs").size()).sum())
                .isEqualTo(10);
    }

    @Test
    void whatOlderClientsSendIsAnswered() throws Exception {
        JsonNode embedded = server.answer("/api/embeddings",
                "{\"model\":\"scripted-embedder\",\"prompt\":\"a\"}");

        assertThat(embedded.get("embedding").isArray()).isTrue();
        assertThat(embedded.at("/usage/cost").doubleValue()).isPositive();
        assertThat(server.answer("/api/pull", "{\"model\":\"scripted:latest\"}").get("status")
                .stringValue()).isEqualTo("success");
        HttpResponse<String> other = server.post("/api/pull", "{\"model\":\"llama9\"}");
        assertThat(other.statusCode()).isEqualTo(404);
        assertThat(other.body()).contains("./millrace pull");
        assertThat(LiveServer.json(server.get("/api/version").body()).get("version")
                .stringValue()).matches("\\d+\\.\\d+\\.\\d+");
    }

    @Test
    void anUnknownModelIsNotFound() throws Exception {
        HttpResponse<String> refused = server.post("/api/chat",
                chat("").replace("scripted", "llama9"));

        assertThat(refused.statusCode()).isEqualTo(404);
        assertThat(LiveServer.json(refused.body()).get("error").stringValue()).contains("llama9");
        assertThat(LiveServer.json(server.get("/api/nothing").body()).get("error").isString())
                .isTrue();
    }
}
