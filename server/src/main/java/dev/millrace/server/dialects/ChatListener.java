package dev.millrace.server.dialects;

import dev.millrace.server.openai.wire.ApiException;
import java.io.IOException;
import tools.jackson.databind.JsonNode;

/** Hears a chat's only answer as it grows; one who writes it down for a client may fail to. */
public interface ChatListener {

    /** Nothing refuses the request any more; its answer will have this id. */
    default void accepted(String id) throws IOException {}

    /**
     * The answer begins.
     *
     * @param id           as the ledger has it
     * @param promptTokens of the conversation, cached ones included
     */
    void begin(String id, int promptTokens) throws IOException;

    /**
     * Log probabilities of tokens, told before the piece that they go with, which may be none.
     *
     * @param tokens as chat completions list them
     */
    default void logprobs(JsonNode tokens) {}

    /** A piece of what the model thinks before it answers. */
    void thought(String piece) throws IOException;

    /** A piece of the answer. */
    void text(String piece) throws IOException;

    /** A call of a tool begins. @param index from 0 in the answer */
    void call(int index, String id, String name) throws IOException;

    /** A piece of the JSON of a call's arguments. */
    void arguments(int index, String piece) throws IOException;

    /** The answer is complete and paid for. */
    void end(Ending ending) throws IOException;

    /** Nothing has come for a moment. */
    void keepAlive() throws IOException;

    /** Whether the client has been sent anything. */
    boolean started();

    /** The answer failed after its start. */
    void fail(ApiException failure) throws IOException;

    /**
     * How an answer ended.
     *
     * @param finishReason OpenAI's word for it
     * @param stopSequence the one that matched, or null
     * @param usage        OpenAI's counts, and the cost
     */
    record Ending(String finishReason, String stopSequence, JsonNode usage) {

        public int promptTokens() {
            return usage.path("prompt_tokens").intValue(0);
        }

        /** Of the prompt's tokens, those that were not computed again. */
        public int cachedTokens() {
            return usage.at("/prompt_tokens_details/cached_tokens").intValue(0);
        }

        public int completionTokens() {
            return usage.path("completion_tokens").intValue(0);
        }
    }
}
