package dev.millrace.server.openai.completion;

import dev.millrace.engine.GenerationEvent.Token;
import dev.millrace.engine.forward.StepResult.TopTokens;
import dev.millrace.models.text.TokenStreamDecoder;
import dev.millrace.server.dialogue.Turn;
import dev.millrace.server.dialogue.TurnEvent;
import dev.millrace.server.openai.wire.Json;
import java.util.List;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * The wording of {@code /v1/completions}.
 *
 * @param endpoint the one that the client asked
 */
public record CompletionFormat(String endpoint) implements ResponseFormat {

    public static final CompletionFormat OPENAI = new CompletionFormat("/v1/completions");

    @Override
    public String idPrefix() {
        return "cmpl-";
    }

    @Override
    public String promptField() {
        return "prompt";
    }

    @Override
    public int defaultMaxTokens() {
        return 16;
    }

    @Override
    public String wholeObject() {
        return "text_completion";
    }

    @Override
    public String chunkObject() {
        return "text_completion";
    }

    @Override
    public ObjectNode whole(int index, Turn turn, JsonNode logprobs, String finishReason) {
        return choice(index, turn.content(), logprobs, finishReason);
    }

    private static ObjectNode choice(int index, String text, JsonNode logprobs,
            String finishReason) {
        ObjectNode choice = Json.object().put("index", index).put("text", text);
        choice.set("logprobs", logprobs);
        return choice.put("finish_reason", finishReason);
    }

    @Override
    public void addPrompt(ObjectNode answer, ObjectNode choice, JsonNode logprobs) {
        choice.set("prompt_logprobs", logprobs);
    }

    @Override
    public ObjectNode opening(int index) {
        return null;
    }

    @Override
    public ObjectNode delta(int index, TurnEvent piece, Turn turn, JsonNode logprobs) {
        if (piece instanceof TurnEvent.Content content) {
            return choice(index, content.text(), logprobs, null);
        }
        throw new IllegalStateException("a plain completion is content only, not " + piece);
    }

    @Override
    public ObjectNode closing(int index, JsonNode logprobs, String finishReason) {
        return choice(index, "", logprobs, finishReason);
    }

    @Override
    public JsonNode logprobs(List<Token> tokens, int textOffset, TokenText texts) {
        ObjectNode logprobs = Json.object();
        ArrayNode offsets = logprobs.putArray("text_offset");
        ArrayNode values = logprobs.putArray("token_logprobs");
        ArrayNode spelled = logprobs.putArray("tokens");
        ArrayNode likeliest = logprobs.putArray("top_logprobs");
        TokenStreamDecoder decoder = new TokenStreamDecoder();
        int offset = textOffset;
        for (Token token : tokens) {
            offsets.add(Math.max(0, offset));
            if (Float.isNaN(token.logprob())) {
                values.addNull();
            } else {
                values.add(TokenText.logprob(token.logprob()));
            }
            spelled.add(texts.of(token.token()));
            likeliest.add(token.top() == null ? null : top(token.top(), texts));
            offset += decoder.accept(token.text()).length();
        }
        return logprobs;
    }

    private static ObjectNode top(TopTokens top, TokenText texts) {
        ObjectNode likeliest = Json.object();
        for (int i = 0; top != null && i < top.tokens().length; i++) {
            likeliest.put(texts.of(top.tokens()[i]),
                    TokenText.logprob(top.logprobs()[i]));
        }
        return likeliest;
    }
}
