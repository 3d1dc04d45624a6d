package dev.millrace.server.openai.completion;

import dev.millrace.engine.GenerationEvent.Token;
import dev.millrace.engine.PromptLogprobs;
import dev.millrace.engine.forward.StepResult.TopTokens;
import dev.millrace.server.openai.wire.Json;
import java.util.ArrayList;
import java.util.List;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** What the model made of a prompt, in vLLM's words and as tokens before a completion's. */
final class PromptReport {

    /** Most entries of one answer: its prompts' tokens, and the likeliest in their places. */
    static final int ENTRIES = 1 << 18;

    private final int[] prompt;
    private final PromptLogprobs known;
    private final TokenText texts;

    PromptReport(int[] prompt, PromptLogprobs known, TokenText texts) {
        this.prompt = prompt;
        this.known = known;
        this.texts = texts;
    }

    /** vLLM's {@code prompt_logprobs}: null for the first token, then an object by token ids. */
    JsonNode byPosition() {
        ArrayNode positions = Json.array();
        positions.addNull();
        for (int i = 1; i < prompt.length; i++) {
            ObjectNode entries = positions.addObject();
            TopTokens top = known.top(i);
            add(entries, prompt[i], known.logprob(i), known.rank(i));
            for (int rank = 0; rank < top.tokens().length; rank++) {
                if (top.tokens()[rank] != prompt[i]) {
                    add(entries, top.tokens()[rank], top.logprobs()[rank], rank + 1);
                }
            }
        }
        return positions;
    }

    private void add(ObjectNode entries, int token, float logprob, int rank) {
        entries.putObject(Integer.toString(token)).put("logprob", TokenText.logprob(logprob))
                .put("rank", rank).put("decoded_token", texts.of(token));
    }

    /** The prompt's tokens as if they had been sampled; nothing is known of the first. */
    List<Token> tokens() {
        List<Token> tokens = new ArrayList<>();
        for (int i = 0; i < prompt.length; i++) {
            tokens.add(new Token(prompt[i], texts.bytes(prompt[i]),
                    i == 0 ? Float.NaN : known.logprob(i), i == 0 ? null : known.top(i)));
        }
        return tokens;
    }
}
