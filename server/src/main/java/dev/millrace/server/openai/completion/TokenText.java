package dev.millrace.server.openai.completion;

import dev.millrace.models.text.Tokenizer;
import java.nio.charset.StandardCharsets;

/**
 * Single tokens, as log probabilities show them.
 *
 * @param asIds whether they are spelled as {@code token_id:5}, which no two tokens share
 */
record TokenText(Tokenizer tokenizer, boolean asIds) {

    /** Stands for minus infinity, which JSON cannot say; OpenAI's own convention. */
    private static final double IMPOSSIBLE = -9999.0;
    private static final byte[] NO_BYTES = {};

    /** The token's bytes as text, or its name in the vocabulary where it has none. */
    String of(int token) {
        if (asIds) {
            return "token_id:" + token;
        }
        byte[] bytes = bytes(token);
        if (bytes.length > 0) {
            return new String(bytes, StandardCharsets.UTF_8);
        }
        return isPadding(token) ? "" : tokenizer.piece(token);
    }

    /** The token's bytes, empty where it has none. */
    byte[] bytes(int token) {
        return isPadding(token) ? NO_BYTES : tokenizer.bytes(token);
    }

    /** A probability's logarithm as JSON can say it. */
    static double logprob(float logprob) {
        return Float.isFinite(logprob) ? logprob : IMPOSSIBLE;
    }

    /** Output matrices are often padded beyond the vocabulary. */
    private boolean isPadding(int token) {
        return token >= tokenizer.vocabularySize();
    }
}
