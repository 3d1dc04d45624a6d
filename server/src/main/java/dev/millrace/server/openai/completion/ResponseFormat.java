package dev.millrace.server.openai.completion;

import dev.millrace.engine.GenerationEvent.Token;
import dev.millrace.server.dialogue.Turn;
import dev.millrace.server.dialogue.TurnEvent;
import java.util.List;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/** How an endpoint words its answer; what the answers have in common is {@link Answer}'s. */
public sealed interface ResponseFormat permits ChatFormat, CompletionFormat {

    /** The path, as the ledger and the metrics have it. */
    String endpoint();

    /** What the response's id begins with. */
    String idPrefix();

    /** The request's field that carries the prompt. */
    String promptField();

    /** Most tokens to sample where the request does not say. */
    int defaultMaxTokens();

    /** The response's {@code object}. */
    String wholeObject();

    /** A stream chunk's {@code object}. */
    String chunkObject();

    /** A finished choice. */
    ObjectNode whole(int index, Turn turn, JsonNode logprobs, String finishReason);

    /** Puts the prompt's log probabilities where vLLM has them. */
    void addPrompt(ObjectNode answer, ObjectNode choice, JsonNode logprobs);

    /** A stream's first chunk of a choice, or null where the format has none. */
    ObjectNode opening(int index);

    /**
     * A piece of a choice; a call's end is none.
     *
     * @param turn the choice so far, this piece included
     */
    ObjectNode delta(int index, TurnEvent piece, Turn turn, JsonNode logprobs);

    /** A stream's last chunk of a choice. */
    ObjectNode closing(int index, JsonNode logprobs, String finishReason);

    /**
     * Log probabilities of a run of tokens.
     *
     * @param textOffset characters of the choice's text before the first of them
     */
    JsonNode logprobs(List<Token> tokens, int textOffset, TokenText texts);
}
