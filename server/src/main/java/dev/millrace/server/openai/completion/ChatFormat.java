package dev.millrace.server.openai.completion;

import dev.millrace.engine.GenerationEvent.Token;
import dev.millrace.engine.forward.StepResult.TopTokens;
import dev.millrace.server.dialogue.Turn;
import dev.millrace.server.dialogue.TurnEvent;
import dev.millrace.server.openai.wire.Json;
import java.util.List;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * The wording of {@code /v1/chat/completions}, which other dialects put into their own.
 *
 * @param endpoint the one that the client asked
 * @param idPrefix what the answer's id begins with
 */
public record ChatFormat(String endpoint, String idPrefix) implements ResponseFormat {

    public static final ChatFormat OPENAI = new ChatFormat("/v1/chat/completions", "chatcmpl-");

    @Override
    public String promptField() {
        return "messages";
    }

    /** A chat goes on until the model ends its turn or the context is full. */
    @Override
    public int defaultMaxTokens() {
        return Integer.MAX_VALUE;
    }

    @Override
    public String wholeObject() {
        return "chat.completion";
    }

    @Override
    public String chunkObject() {
        return "chat.completion.chunk";
    }

    @Override
    public ObjectNode whole(int index, Turn turn, JsonNode logprobs, String finishReason) {
        ObjectNode choice = Json.object().put("index", index);
        ObjectNode message = choice.putObject("message").put("role", "assistant");
        message.put("content", turn.content().isEmpty() && !turn.calls().isEmpty()
                ? null
                : turn.content()).putNull("refusal");
        if (!turn.thought().isEmpty()) {
            reasoning(message, turn.thought());
        }
        if (!turn.calls().isEmpty()) {
            ArrayNode calls = message.putArray("tool_calls");
            turn.calls().forEach(call -> call(calls.addObject().put("id", call.id()), call.name(),
                    call.arguments().toString()));
        }
        choice.set("logprobs", logprobs);
        return choice.put("finish_reason", finishReason);
    }

    @Override
    public void addPrompt(ObjectNode answer, ObjectNode choice, JsonNode logprobs) {
        answer.set("prompt_logprobs", logprobs);
    }

    @Override
    public ObjectNode opening(int index) {
        ObjectNode delta = Json.object().put("role", "assistant").put("content", "");
        return chunk(index, delta, null, null);
    }

    @Override
    public ObjectNode delta(int index, TurnEvent piece, Turn turn, JsonNode logprobs) {
        ObjectNode delta = Json.object();
        switch (piece) {
            case TurnEvent.Content content -> delta.put("content", content.text());
            case TurnEvent.Thought thought -> reasoning(delta, thought.text());
            case TurnEvent.CallBegun begun -> call(callDelta(delta, begun.call())
                    .put("id", turn.call(begun.call()).id()), begun.name(), "");
            case TurnEvent.Arguments more -> callDelta(delta, more.call()).putObject("function")
                    .put("arguments", more.piece());
            case TurnEvent.CallBroken broken -> delta.put("content", broken.text());
            case TurnEvent.CallEnded _ -> throw new IllegalStateException("nothing to send");
        }
        return chunk(index, delta, logprobs, null);
    }

    /** DeepSeek's name for it, and OpenRouter's and newer vLLM's. */
    private static void reasoning(ObjectNode message, String text) {
        message.put("reasoning_content", text).put("reasoning", text);
    }

    private static void call(ObjectNode call, String name, String arguments) {
        call.put("type", "function").putObject("function").put("name", name).put("arguments",
                arguments);
    }

    private static ObjectNode callDelta(ObjectNode delta, int call) {
        return delta.putArray("tool_calls").addObject().put("index", call);
    }

    @Override
    public ObjectNode closing(int index, JsonNode logprobs, String finishReason) {
        return chunk(index, Json.object(), logprobs, finishReason);
    }

    private static ObjectNode chunk(int index, ObjectNode delta, JsonNode logprobs,
            String finishReason) {
        ObjectNode choice = Json.object().put("index", index);
        choice.set("delta", delta);
        choice.set("logprobs", logprobs);
        return choice.put("finish_reason", finishReason);
    }

    @Override
    public JsonNode logprobs(List<Token> tokens, int textOffset, TokenText texts) {
        ObjectNode logprobs = Json.object();
        ArrayNode content = logprobs.putArray("content");
        for (Token token : tokens) {
            ObjectNode entry = entry(token.token(), token.logprob(), texts);
            ArrayNode likeliest = entry.putArray("top_logprobs");
            TopTokens top = token.top();
            for (int i = 0; top != null && i < top.tokens().length; i++) {
                likeliest.add(entry(top.tokens()[i], top.logprobs()[i], texts));
            }
            content.add(entry);
        }
        logprobs.putNull("refusal");
        return logprobs;
    }

    private static ObjectNode entry(int token, float logprob, TokenText texts) {
        ObjectNode entry = Json.object().put("token", texts.of(token))
                .put("logprob", TokenText.logprob(logprob));
        byte[] bytes = texts.bytes(token);
        if (bytes.length == 0) {
            return entry.putNull("bytes");
        }
        ArrayNode numbers = entry.putArray("bytes");
        for (byte value : bytes) {
            numbers.add(value & 0xff);
        }
        return entry;
    }
}
