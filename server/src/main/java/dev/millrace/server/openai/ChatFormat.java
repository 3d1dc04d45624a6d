package dev.millrace.server.openai;

import dev.millrace.engine.GenerationEvent.Token;
import dev.millrace.engine.forward.StepResult.TopTokens;
import java.util.List;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * The wording of {@code /v1/chat/completions}, which other dialects put into their own.
 *
 * @param endpoint the one that the client asked
 */
record ChatFormat(String endpoint) implements ResponseFormat {

    static final ChatFormat OPENAI = new ChatFormat("/v1/chat/completions");

    @Override
    public String idPrefix() {
        return "chatcmpl-";
    }

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
    public ObjectNode whole(int index, String text, JsonNode logprobs, String finishReason) {
        ObjectNode choice = Json.object().put("index", index);
        choice.putObject("message").put("role", "assistant").put("content", text)
                .putNull("refusal");
        choice.set("logprobs", logprobs);
        return choice.put("finish_reason", finishReason);
    }

    @Override
    public ObjectNode opening(int index) {
        ObjectNode delta = Json.object().put("role", "assistant").put("content", "");
        return chunk(index, delta, null, null);
    }

    @Override
    public ObjectNode delta(int index, String text, JsonNode logprobs) {
        return chunk(index, Json.object().put("content", text), logprobs, null);
    }

    @Override
    public ObjectNode closing(int index, String finishReason) {
        return chunk(index, Json.object(), null, finishReason);
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
