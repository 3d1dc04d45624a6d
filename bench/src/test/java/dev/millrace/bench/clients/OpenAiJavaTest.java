package dev.millrace.bench.clients;

import com.fasterxml.jackson.annotation.JsonClassDescription;
import com.fasterxml.jackson.annotation.JsonTypeName;
import com.openai.client.OpenAIClient;
import com.openai.client.okhttp.OpenAIOkHttpClient;
import com.openai.core.http.StreamResponse;
import com.openai.errors.BadRequestException;
import com.openai.errors.NotFoundException;
import com.openai.errors.RateLimitException;
import com.openai.helpers.ChatCompletionAccumulator;
import com.openai.models.chat.completions.ChatCompletion;
import com.openai.models.chat.completions.ChatCompletionChunk;
import com.openai.models.chat.completions.ChatCompletionCreateParams;
import com.openai.models.chat.completions.ChatCompletionMessage;
import com.openai.models.chat.completions.ChatCompletionMessageFunctionToolCall;
import com.openai.models.chat.completions.ChatCompletionStreamOptions;
import com.openai.models.chat.completions.ChatCompletionToolMessageParam;
import com.openai.models.embeddings.CreateEmbeddingResponse;
import com.openai.models.embeddings.EmbeddingCreateParams;
import com.openai.models.models.Model;
import dev.millrace.engine.FinishReason;
import dev.millrace.server.fixtures.ClientsServer;
import dev.millrace.server.fixtures.LiveServer;
import dev.millrace.server.tenants.SpentKey;
import java.util.List;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

import static org.assertj.core.api.Assertions.*;

/** OpenAI's client for Java works unchanged. */
@Timeout(300)
class OpenAiJavaTest {

    private static final LiveServer server = ClientsServer.start();
    private static final OpenAIClient client = client(server, "not needed", 0);

    private static OpenAIClient client(LiveServer live, String key, int retries) {
        return OpenAIOkHttpClient.builder().baseUrl(live.uri("/v1").toString()).apiKey(key)
                .maxRetries(retries).build();
    }

    @AfterAll
    static void stop() {
        client.close();
        server.close();
    }

    private static ChatCompletionCreateParams.Builder asking(String question) {
        return ChatCompletionCreateParams.builder().model(LiveServer.MODEL).temperature(0)
                .maxCompletionTokens(1024).addUserMessage(question);
    }

    private static ChatCompletion gathered(ChatCompletionCreateParams request) {
        ChatCompletionAccumulator gathering = ChatCompletionAccumulator.create();
        try (StreamResponse<ChatCompletionChunk> stream = client.chat().completions()
                .createStreaming(request)) {
            stream.stream().forEach(gathering::accumulate);
        }
        return gathering.chatCompletion().validate();
    }

    @Test
    void chatsWholeAndStreamed() {
        ChatCompletion whole = client.chat().completions().create(asking("Hi").build()).validate();
        ChatCompletion streamed = gathered(asking("Hi").streamOptions(
                ChatCompletionStreamOptions.builder().includeUsage(true).build()).build());

        for (ChatCompletion answer : List.of(whole, streamed)) {
            assertThat(answer.choices().getFirst().message().content())
                    .contains(ClientsServer.STORY);
            assertThat(answer.choices().getFirst().finishReason())
                    .isEqualTo(ChatCompletion.Choice.FinishReason.STOP);
            assertThat(answer.usage().orElseThrow().completionTokens()).isPositive();
            assertThat(answer.usage().orElseThrow()._allProperties().get("cost")
                    .convert(Double.class)).isPositive();
        }
        assertThat(client.models().list().data()).extracting(Model::id)
                .contains(LiveServer.MODEL);
    }

    /** What a function of this name takes; the client makes its schema of this. */
    @JsonTypeName("look")
    @JsonClassDescription("Looks somewhere.")
    @SuppressWarnings("unused")
    public static class Look {

        public Direction where;

        public enum Direction {
            up,
            down
        }
    }

    @Test
    void callsFunctionsAndSendsTheirResults() {
        ChatCompletionCreateParams.Builder request = asking(ClientsServer.WHERE)
                .addTool(Look.class);
        ChatCompletion whole = client.chat().completions().create(request.build());
        ChatCompletion streamed = gathered(request.build());

        for (ChatCompletion answer : List.of(whole, streamed)) {
            ChatCompletionMessage message = answer.choices().getFirst().message();
            ChatCompletionMessageFunctionToolCall call = message.toolCalls().orElseThrow()
                    .getFirst().asFunction();
            assertThat(message.content()).contains(ClientsServer.BEFORE);
            assertThat(call.function().arguments(Look.class).where).isEqualTo(Look.Direction.up);
            assertThat(client.chat().completions().create(request.build().toBuilder()
                    .addMessage(message).addMessage(ChatCompletionToolMessageParam.builder()
                            .toolCallId(call.id()).content(ClientsServer.FOUND).build())
                    .build()).choices().getFirst().message().content())
                    .contains(ClientsServer.STORY);
        }
    }

    /** What an answer shall be. */
    @SuppressWarnings("unused")
    public static class Verdict {

        public Look.Direction direction;
        public boolean sure;
    }

    @Test
    void getsObjectsOfAClass() {
        Verdict verdict = client.chat().completions().create(asking("Hi")
                .responseFormat(Verdict.class).build()).choices().getFirst().message().content()
                .orElseThrow();

        assertThat(verdict.direction).isNotNull();
    }

    @Test
    void embedsTexts() {
        CreateEmbeddingResponse answer = client.embeddings().create(EmbeddingCreateParams.builder()
                .model(LiveServer.EMBEDDER).inputOfArrayOfStrings(List.of("a mill", "a river"))
                .dimensions(4).build()).validate();

        assertThat(answer.data()).hasSize(2).allSatisfy(one -> assertThat(one.embedding())
                .hasSize(4));
        assertThat(answer.usage().promptTokens()).isPositive();
    }

    @Test
    void raisesTheExceptionOfEachRefusal() {
        assertThatExceptionOfType(BadRequestException.class).isThrownBy(() -> client.chat()
                .completions().create(asking("Hi").temperature(3).build()))
                .satisfies(e -> assertThat(e.param()).contains("temperature"));
        assertThatExceptionOfType(NotFoundException.class).isThrownBy(() -> client.chat()
                .completions().create(asking("Hi").model("none").build()))
                .satisfies(e -> assertThat(e.code()).contains("model_not_found"));
        assertThatExceptionOfType(BadRequestException.class).isThrownBy(() -> client.chat()
                .completions().create(asking("Hi").maxCompletionTokens(1_000_000).build()))
                .satisfies(e -> assertThat(e.code()).contains("context_length_exceeded"));
    }

    @Test
    void closingAStreamFreesItsSequence() {
        int before = server.meter().finished().size();
        try (StreamResponse<ChatCompletionChunk> stream = client.chat().completions()
                .createStreaming(asking(ClientsServer.FOREVER).maxCompletionTokens(3000)
                        .build())) {
            assertThat(stream.stream().findFirst()).isPresent();
        }

        Awaitility.await().until(() -> server.meter().finished().size() > before
                && server.engine().status().running() == 0);
        assertThat(server.meter().finished().getLast().reason()).isEqualTo(FinishReason.CANCELLED);
    }

    @Test
    void comesBackWhenALimitSaysSo() {
        SpentKey key = new SpentKey();
        try (LiveServer limited = ClientsServer.start(key)) {
            OpenAIClient patient = client(limited, key.secret(), 1);

            assertThat(patient.chat().completions().create(asking("Hi").build()).choices())
                    .hasSize(1);
            patient.close();
        }
    }

    @Test
    void raisesWhatALimitSaysIfItMayNotComeBack() {
        SpentKey key = new SpentKey();
        try (LiveServer limited = ClientsServer.start(key)) {
            OpenAIClient impatient = client(limited, key.secret(), 0);

            assertThatExceptionOfType(RateLimitException.class).isThrownBy(() -> impatient.chat()
                    .completions().create(asking("Hi").build())).satisfies(e -> {
                        assertThat(e.code()).contains("rate_limit_exceeded");
                        assertThat(e.headers().values("retry-after")).containsExactly("2");
                    });
            impatient.close();
        }
    }
}
