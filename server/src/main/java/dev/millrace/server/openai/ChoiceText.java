package dev.millrace.server.openai;

import dev.millrace.engine.GenerationEvent.Token;
import dev.millrace.models.text.TokenStreamDecoder;
import dev.millrace.models.text.Tokenizer;
import java.util.ArrayList;
import java.util.List;
import tools.jackson.databind.JsonNode;

/** One choice's text as it grows, with the tokens whose log probabilities are still to be sent. */
final class ChoiceText {

    private final ResponseFormat format;
    private final Tokenizer tokenizer;
    private final boolean wantsLogprobs;
    private final TokenStreamDecoder decoder = new TokenStreamDecoder();
    private final List<Token> unsent = new ArrayList<>();
    private int textChars;
    private int unsentOffset;

    ChoiceText(CompletionJob job) {
        this.format = job.format();
        this.tokenizer = job.model().tokenizer();
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

    private String grown(String text) {
        textChars += text.length();
        return text;
    }

    /** Log probabilities of the tokens since the last call, or null if there is nothing to say. */
    JsonNode takeLogprobs() {
        if (unsent.isEmpty()) {
            return null;
        }
        JsonNode logprobs = format.logprobs(unsent, unsentOffset, tokenizer);
        unsent.clear();
        unsentOffset = textChars;
        return logprobs;
    }
}
