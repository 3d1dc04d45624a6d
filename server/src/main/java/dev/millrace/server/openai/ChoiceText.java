package dev.millrace.server.openai;

import dev.millrace.engine.GenerationEvent.Token;
import dev.millrace.models.text.TokenStreamDecoder;
import java.util.ArrayList;
import java.util.List;
import tools.jackson.databind.JsonNode;

/** One choice's text as it grows, with the tokens whose log probabilities are still to be sent. */
final class ChoiceText {

    private final ResponseFormat format;
    private final TokenText spelling;
    private final boolean wantsLogprobs;
    private final TokenStreamDecoder decoder = new TokenStreamDecoder();
    private final List<Token> unsent = new ArrayList<>();
    private final StringBuilder whole = new StringBuilder();
    private int unsentOffset;

    ChoiceText(CompletionJob job) {
        this.format = job.format();
        this.spelling = new TokenText(job.model().tokenizer(),
                job.options().answer().tokensAsIds());
        this.wantsLogprobs = job.options().topLogprobs() >= 0;
    }

    /** Takes a token; returns the text that it completes, which may be empty. */
    String append(Token token) {
        if (wantsLogprobs) {
            unsent.add(token);
        }
        return grown(decoder.accept(token.text()));
    }

    /** The text that was held back for want of a character's last bytes. */
    String finish() {
        return grown(decoder.finish());
    }

    /** All text so far. */
    String whole() {
        return whole.toString();
    }

    private String grown(String text) {
        whole.append(text);
        return text;
    }

    /** Log probabilities of the tokens since the last call, or null if there is nothing to say. */
    JsonNode takeLogprobs() {
        if (unsent.isEmpty()) {
            return null;
        }
        JsonNode logprobs = format.logprobs(unsent, unsentOffset, spelling);
        unsent.clear();
        unsentOffset = whole.length();
        return logprobs;
    }
}
