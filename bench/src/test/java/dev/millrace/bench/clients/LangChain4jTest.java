package dev.millrace.bench.clients;

import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ToolExecutionResultMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.data.segment.TextSegment;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.exception.ModelNotFoundException;
import dev.langchain4j.exception.RateLimitException;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.ResponseFormat;
import dev.langchain4j.model.chat.request.ResponseFormatType;
import dev.langchain4j.model.chat.request.json.JsonEnumSchema;
import dev.langchain4j.model.chat.request.json.JsonObjectSchema;
import dev.langchain4j.model.chat.request.json.JsonSchema;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.chat.response.PartialResponse;
import dev.langchain4j.model.chat.response.PartialResponseContext;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import dev.langchain4j.model.openai.OpenAiChatModel;
import dev.langchain4j.model.openai.OpenAiEmbeddingModel;
import dev.langchain4j.model.openai.OpenAiStreamingChatModel;
import dev.langchain4j.model.output.FinishReason;
import dev.millrace.server.fixtures.ClientsServer;
import dev.millrace.server.fixtures.LiveServer;
import dev.millrace.server.tenants.SpentKey;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BiConsumer;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

import static org.assertj.core.api.Assertions.*;

/** LangChain4j's client of OpenAI's API works unchanged. */
@Tag("proof")
@Timeout(300)
class LangChain4jTest {

    private static final LiveServer server = ClientsServer.start();
    private static final OpenAiChatModel model = model(server, "not needed", 0).build();
    private static final OpenAiStreamingChatModel streaming = OpenAiStreamingChatModel.builder()
            .baseUrl(server.uri("/v1").toString()).apiKey("not needed")
            .modelName(LiveServer.MODEL).build();
    private static final ToolSpecification LOOK = ToolSpecification.builder().name("look")
            .description("Looks somewhere.").parameters(direction()).build();

    private static OpenAiChatModel.OpenAiChatModelBuilder model(LiveServer live, String key,
            int retries) {
        return OpenAiChatModel.builder().baseUrl(live.uri("/v1").toString()).apiKey(key)
                .modelName(LiveServer.MODEL).maxRetries(retries);
    }

    private static JsonObjectSchema direction() {
        return JsonObjectSchema.builder().addProperty("where", JsonEnumSchema.builder()
                .enumValues("up", "down").build()).required("where").build();
    }

    @AfterAll
    static void stop() {
        server.close();
    }

    private static ChatRequest.Builder asking(String question) {
        return ChatRequest.builder().messages(UserMessage.from(question)).maxOutputTokens(1024);
    }

    /** Gathers a stream; {@code onPartial} sees its pieces. */
    private static ChatResponse streamed(ChatRequest request,
            BiConsumer<String, PartialResponseContext> onPartial) {
        CompletableFuture<ChatResponse> answer = new CompletableFuture<>();
        streaming.chat(request, new StreamingChatResponseHandler() {

            @Override
            public void onPartialResponse(PartialResponse piece, PartialResponseContext context) {
                onPartial.accept(piece.text(), context);
            }

            @Override
            public void onCompleteResponse(ChatResponse response) {
                answer.complete(response);
            }

            @Override
            public void onError(Throwable error) {
                answer.completeExceptionally(error);
            }
        });
        return answer.join();
    }

    @Test
    void chatsWholeAndStreamed() {
        StringBuilder seen = new StringBuilder();
        ChatResponse whole = model.chat(asking("Hi").build());
        ChatResponse streamed = streamed(asking("Hi").build(),
                (piece, context) -> seen.append(piece));

        for (ChatResponse answer : List.of(whole, streamed)) {
            assertThat(answer.aiMessage().text()).isEqualTo(ClientsServer.STORY);
            assertThat(answer.finishReason()).isEqualTo(FinishReason.STOP);
            assertThat(answer.tokenUsage().outputTokenCount()).isPositive();
        }
        assertThat(seen).hasToString(ClientsServer.STORY);
    }

    @Test
    void callsFunctionsAndSendsTheirResults() {
        UserMessage question = UserMessage.from(ClientsServer.WHERE);
        ChatRequest request = asking(ClientsServer.WHERE).toolSpecifications(LOOK).build();

        for (ChatResponse answer : List.of(model.chat(request),
                streamed(request, (piece, context) -> {}))) {
            AiMessage message = answer.aiMessage();
            assertThat(answer.finishReason()).isEqualTo(FinishReason.TOOL_EXECUTION);
            assertThat(message.text()).isEqualTo(ClientsServer.BEFORE);
            ToolExecutionRequest call = message.toolExecutionRequests().getFirst();
            assertThat(LiveServer.json(call.arguments()).get("where").stringValue())
                    .isEqualTo("up");
            assertThat(model.chat(question, message, ToolExecutionResultMessage.from(call,
                    ClientsServer.FOUND)).aiMessage().text()).isEqualTo(ClientsServer.STORY);
        }
    }

    @Test
    void getsJsonOfASchema() {
        ChatResponse answer = model(server, "not needed", 0).strictJsonSchema(true).build()
                .chat(asking("Hi").responseFormat(ResponseFormat.builder()
                        .type(ResponseFormatType.JSON).jsonSchema(JsonSchema.builder()
                                .name("direction").rootElement(direction()).build())
                        .build()).build());

        assertThat(LiveServer.json(answer.aiMessage().text()).get("where").stringValue())
                .isIn("up", "down");
    }

    @Test
    void embedsTexts() {
        OpenAiEmbeddingModel embedder = OpenAiEmbeddingModel.builder()
                .baseUrl(server.uri("/v1").toString()).apiKey("not needed").maxRetries(0)
                .modelName(LiveServer.EMBEDDER).dimensions(4).build();

        assertThat(embedder.embedAll(List.of(TextSegment.from("a mill"),
                TextSegment.from("a river"))).content()).hasSize(2)
                .allSatisfy(one -> assertThat(one.vector()).hasSize(4));
    }

    @Test
    void raisesTheExceptionOfEachRefusal() {
        assertThatExceptionOfType(InvalidRequestException.class).isThrownBy(
                () -> model.chat(asking("Hi").temperature(3.0).build()))
                .withMessageContaining("temperature");
        assertThatExceptionOfType(ModelNotFoundException.class).isThrownBy(
                () -> model.chat(asking("Hi").modelName("none").build()));
    }

    @Test
    void cancellingAStreamFreesItsSequence() {
        int before = server.meter().finished().size();
        AtomicReference<Throwable> failure = new AtomicReference<>();
        streaming.chat(asking(ClientsServer.FOREVER).maxOutputTokens(3000).build(),
                new StreamingChatResponseHandler() {

                    @Override
                    public void onPartialResponse(PartialResponse piece,
                            PartialResponseContext context) {
                        context.streamingHandle().cancel();
                    }

                    @Override
                    public void onCompleteResponse(ChatResponse response) {
                        // A cancelled stream is not complete; what the server did is looked at.
                    }

                    @Override
                    public void onError(Throwable error) {
                        failure.set(error);
                    }
                });

        Awaitility.await()
                .until(() -> failure.get() != null || server.meter().finished().size() > before
                        && server.engine().status().running() == 0);
        assertThat(failure).hasValue(null);
        assertThat(server.meter().finished().getLast().reason())
                .isEqualTo(dev.millrace.engine.FinishReason.CANCELLED);
    }

    /** It waits as long as it likes, whatever Retry-After says, so it may ask too soon again. */
    @Test
    void comesBackAfterALimit() {
        SpentKey key = new SpentKey();
        try (LiveServer limited = ClientsServer.start(key)) {
            assertThat(model(limited, key.secret(), 4).build().chat("Hi"))
                    .isEqualTo(ClientsServer.STORY);
        }
        SpentKey other = new SpentKey();
        try (LiveServer limited = ClientsServer.start(other)) {
            assertThatExceptionOfType(RateLimitException.class).isThrownBy(
                    () -> model(limited, other.secret(), 0).build().chat("Hi"));
        }
    }
}
