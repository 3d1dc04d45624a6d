package dev.millrace.models.text;

import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/** Turns text into token ids and token ids into bytes; safe to share between threads. */
public interface Tokenizer {

    /** Tokens in the vocabulary; ids run from 0 to one less. */
    int vocabularySize();

    /**
     * Encodes a prompt.
     *
     * @param spans   the prompt in order; only {@link TextSpan#trusted() trusted} spans may become
     *                special tokens, so that a user's text cannot smuggle them in
     * @param addStart whether to put the start token first where the model wants one and the text
     *                does not already begin with it
     */
    int[] encode(List<TextSpan> spans, boolean addStart);

    /** Encodes plain text in which nothing is special. */
    default int[] encode(String text, boolean addStart) {
        return encode(List.of(new TextSpan(text, false)), addStart);
    }

    /**
     * Encodes a whole text as encoders and training saw it: with the start token and the end token,
     * where the model wants them.
     */
    default int[] encodeWhole(List<TextSpan> spans) {
        int[] tokens = encode(spans, true);
        if (!addsEnd() || tokens.length > 0 && tokens[tokens.length - 1] == endToken()) {
            return tokens;
        }
        int[] ended = Arrays.copyOf(tokens, tokens.length + 1);
        ended[tokens.length] = endToken();
        return ended;
    }

    /** How two texts become one input of an encoder; empty where the vocabulary does not say. */
    default Optional<PairTemplate> pairs() {
        return Optional.empty();
    }

    /** The bytes that a token stands for; empty for control tokens. Not necessarily whole UTF-8. */
    byte[] bytes(int token);

    /** The token as the vocabulary spells it. */
    String piece(int token);

    /** The text of a whole sequence (a leading space that encoding added is removed). */
    String decode(int[] tokens);

    /** Start-of-sequence token, or -1. */
    int startToken();

    /** Whether encoding a prompt puts the start token first. */
    boolean addsStart();

    /** End-of-sequence token, or -1. */
    int endToken();

    /** Whether a whole text ends with the end token; a prompt never does. */
    default boolean addsEnd() {
        return false;
    }

    /** Whether this token ends a generation (end of text, of turn, of message). */
    boolean endsGeneration(int token);
}
