package dev.millrace.models.text;

/**
 * What an encoder reads: the tokens of a text, or of two that it tells apart.
 *
 * @param tokens     with those at the start, between texts and at the end that the model wants
 * @param secondFrom index of the first token that belongs to the second text; the number of tokens
 *                   if there is one text
 */
public record EncoderInput(int[] tokens, int secondFrom) {

    /** One text. */
    public static EncoderInput of(int[] tokens) {
        return new EncoderInput(tokens, tokens.length);
    }

    /** Its tokens. */
    public int length() {
        return tokens.length;
    }
}
