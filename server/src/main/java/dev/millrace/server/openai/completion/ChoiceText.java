package dev.millrace.server.openai.completion;

import dev.millrace.engine.GenerationEvent.Token;
import dev.millrace.models.text.TokenStreamDecoder;
import dev.millrace.server.dialogue.Turn;
import dev.millrace.server.dialogue.TurnEvent;
import dev.millrace.server.dialogue.TurnParser;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.JsonNode;

/** One choice as it grows, with the tokens whose log probabilities are still to be sent. */
final class ChoiceText {

    private final ResponseFormat format;
    private final TokenText spelling;
    private final boolean wantsLogprobs;
    private final Map<Integer, String> markers;
    private final TurnParser parser;
    private final Turn turn;
    private final TokenStreamDecoder decoder = new TokenStreamDecoder();
    private final List<Token> unsent = new ArrayList<>();
    private final String echo; // what the text begins with before anything is generated
    private int textChars;
    private int unsentOffset;
    private int reasoningTokens;

    ChoiceText(CompletionJob job, int index) {
        this.format = job.format();
        this.spelling = new TokenText(job.model().tokenizer(),
                job.options().answer().tokensAsIds());
        this.wantsLogprobs = job.options().topLogprobs() >= 0;
        this.markers = job.plan().markers();
        this.parser = job.plan().parsers().get();
        this.turn = new Turn(job.plan().callIds());
        this.echo = job.echo(index);
        if (!echo.isEmpty()) {
            turn.add(new TurnEvent.Content(echo));
        }
        this.textChars = echo.length();
    }

    /** Takes a token; returns what is certain with it, often nothing. */
    List<TurnEvent> append(Token token) {
        if (wantsLogprobs) {
            unsent.add(token);
        }
        boolean thinking = parser.thinking();
        List<TurnEvent> events = read(decoder.accept(bytes(token)));
        if (thinking || parser.thinking()) {
            reasoningTokens++;
        }
        return events;
    }

    /** What the parser shall see of a token: its text, or what a control token is known by. */
    private byte[] bytes(Token token) {
        String marker = token.text().length == 0 ? markers.get(token.token()) : null;
        return marker == null ? token.text() : marker.getBytes(StandardCharsets.UTF_8);
    }

    /** What was held back, now that no more text comes. */
    List<TurnEvent> finish() {
        List<TurnEvent> events = read(decoder.finish());
        parser.finish(event -> take(event, events));
        return events;
    }

    /** What the text begins with, being its prompt; often nothing. */
    String echo() {
        return echo;
    }

    /** Lets the log probabilities begin with those of an echoed prompt; before any are taken. */
    void prepend(List<Token> prompt) {
        unsent.addAll(0, prompt);
        TokenStreamDecoder promptDecoder = new TokenStreamDecoder();
        int promptChars = 0;
        for (Token token : prompt) {
            promptChars += promptDecoder.accept(token.text()).length();
        }
        // A space that encoding added is in the first token's text and not in the echo.
        unsentOffset = echo.length() - promptChars;
    }

    private List<TurnEvent> read(String text) {
        List<TurnEvent> events = new ArrayList<>();
        textChars += text.length();
        parser.accept(text, event -> take(event, events));
        return events;
    }

    private void take(TurnEvent event, List<TurnEvent> events) {
        turn.add(event);
        events.add(event);
    }

    /** All of it so far. */
    Turn turn() {
        return turn;
    }

    /** Tokens of thoughts, with those that open and close them. */
    int reasoningTokens() {
        return reasoningTokens;
    }

    /** Log probabilities of the tokens since the last call, or null if there is nothing to say. */
    JsonNode takeLogprobs() {
        if (unsent.isEmpty()) {
            return null;
        }
        JsonNode logprobs = format.logprobs(unsent, unsentOffset, spelling);
        unsent.clear();
        unsentOffset = textChars;
        return logprobs;
    }
}
