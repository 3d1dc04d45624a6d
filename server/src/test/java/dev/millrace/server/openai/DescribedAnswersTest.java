package dev.millrace.server.openai;

import dev.millrace.engine.fixtures.NextToken;
import dev.millrace.engine.fixtures.ScriptedForwardPass;
import dev.millrace.server.fixtures.Chat;
import dev.millrace.server.fixtures.LiveServer;
import dev.millrace.server.fixtures.OpenApiDescription;
import dev.millrace.server.fixtures.Rows;
import dev.millrace.server.fixtures.TestStorage;
import dev.millrace.server.fixtures.Upload;
import java.net.http.HttpRequest;
import java.nio.file.Path;
import java.time.Duration;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfEnvironmentVariable;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

import static org.assertj.core.api.Assertions.*;

/** Every answer conforms to OpenAI's own description of it. */
@EnabledIfEnvironmentVariable(named = "MILLRACE_TEST_DATA", matches = ".+")
class DescribedAnswersTest {

    private static OpenApiDescription description;
    private static LiveServer server;
    private static TestStorage storage;

    @TempDir
    static Path folder;

    @BeforeAll
    static void start() throws Exception {
        description = new OpenApiDescription(Path.of(System.getenv("MILLRACE_TEST_DATA"),
                "openapi", "openai-openapi-2.3.0.json"));
        storage = new TestStorage(folder);
        server = LiveServer.with(new ScriptedForwardPass(NextToken.answer("Zoë")))
                .storage(storage.storage()).start();
    }

    @AfterAll
    static void stop() {
        server.close();
        storage.close();
    }

    private static void expectConforming(JsonNode answer, String schema) {
        assertThat(description.complaints(answer, schema)).as(answer.toString()).isEmpty();
    }

    private static void expectConformingChunks(String stream, String schema) {
        int chunks = 0;
        for (String event : stream.split("\n\n")) {
            if (!event.equals("data: [DONE]")) {
                expectConforming(LiveServer.json(event.substring("data: ".length())), schema);
                chunks++;
            }
        }
        assertThat(chunks).isGreaterThan(3);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "\"n\": 2", "\"logprobs\": true, \"top_logprobs\": 2",
        "\"max_tokens\": 1"})
    void aChat(String more) throws Exception {
        expectConforming(server.answer(Chat.PATH, Chat.body(more)),
                "CreateChatCompletionResponse");
    }

    @ParameterizedTest
    @ValueSource(strings = {"", ",\"n\": 2", ",\"logprobs\": true, \"top_logprobs\": 2",
        ",\"stream_options\": {\"include_usage\": true}"})
    void aChatStream(String more) throws Exception {
        expectConformingChunks(
                server.post(Chat.PATH, Chat.body("\"stream\": true" + more)).body(),
                "CreateChatCompletionStreamResponse");
    }

    @ParameterizedTest
    @ValueSource(strings = {"\"max_tokens\": 9", "\"logprobs\": 2", "\"n\": 2"})
    void aPlainCompletion(String more) throws Exception {
        expectConforming(server.answer(Chat.COMPLETIONS, Chat.completion("\"a\"", more)),
                "CreateCompletionResponse");
    }

    @Test
    void anEmbedding() throws Exception {
        expectConforming(server.answer("/v1/embeddings", "{\"model\":\"" + LiveServer.EMBEDDER
                + "\",\"input\":[\"a\",\"b\"]}"), "CreateEmbeddingResponse");
    }

    @Test
    void filesAndBatches() throws Exception {
        expectConforming(LiveServer.json(server.get("/v1/files").body()), "ListFilesResponse");
        JsonNode file = LiveServer.json(server.send(Upload.batch(server.uri("/"),
                Rows.chats(2, "") + Rows.row("broken", Chat.PATH, Chat.body("\"n\": 0"))))
                .body());
        expectConforming(file, "OpenAIFile");
        JsonNode batch = server.answer("/v1/batches", "{\"input_file_id\": " + file.get("id")
                + ", \"endpoint\": \"" + Chat.PATH + "\", \"completion_window\": \"24h\"}");
        expectConforming(batch, "Batch");
        String path = "/v1/batches/" + batch.get("id").stringValue();
        Awaitility.await().pollInterval(Duration.ofMillis(20))
                .until(() -> LiveServer.json(server.get(path).body()).has("completed_at"));

        JsonNode ended = LiveServer.json(server.get(path).body());
        expectConforming(ended, "Batch");
        expectConforming(LiveServer.json(server.get("/v1/batches").body()),
                "ListBatchesResponse");
        String line = server.get("/v1/files/" + ended.get("output_file_id").stringValue()
                + "/content").body().split("\n")[0];
        expectConforming(LiveServer.json(line).at("/response/body"),
                "CreateChatCompletionResponse");
        expectConforming(LiveServer.json(server.send(HttpRequest.newBuilder(server.uri(
                "/v1/files/" + ended.get("error_file_id").stringValue())).DELETE().build())
                .body()), "DeleteFileResponse");
        expectConforming(LiveServer.json(server.get("/v1/files").body()), "ListFilesResponse");
    }

    @Test
    void modelsAndErrors() throws Exception {
        expectConforming(LiveServer.json(server.get("/v1/models").body()), "ListModelsResponse");
        expectConforming(LiveServer.json(server.get("/v1/models/scripted").body()), "Model");
        expectConforming(LiveServer.json(server.get("/v1/nothing").body()), "ErrorResponse");
        expectConforming(server.answer(Chat.PATH, Chat.body("\"n\": 0")), "ErrorResponse");
    }

    @Test
    void theCheckItselfNoticesWhatIsWrong() {
        assertThat(description.complaints(LiveServer.json("""
                {"id": 5, "object": "chat.completion", "created": 1, "model": "m",
                 "choices": [{"index": 0, "finish_reason": "because",
                              "message": {"role": "assistant", "content": "x"}}]}"""),
                "CreateChatCompletionResponse"))
                .anyMatch(complaint -> complaint.contains(".id is NUMBER"))
                .anyMatch(complaint -> complaint.contains("\"because\""))
                .anyMatch(complaint -> complaint.contains("has no logprobs"))
                .anyMatch(complaint -> complaint.contains("has no refusal"));
    }
}
