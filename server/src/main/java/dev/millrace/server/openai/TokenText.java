package dev.millrace.server.openai;

import dev.millrace.models.text.Tokenizer;
import java.nio.charset.StandardCharsets;

/** One token by itself, as log probabilities show it. */
final class TokenText {

    /** Stands for minus infinity, which JSON cannot say; OpenAI's own convention. */
    private static final double IMPOSSIBLE = -9999.0;
    private static final byte[] NO_BYTES = {};

    private TokenText() {}

    /** The token's bytes as text, or its name in the vocabulary where it has none. */
    static String of(int token, Tokenizer tokenizer) {
        byte[] bytes = bytes(token, tokenizer);
        if (bytes.length > 0) {
            return new String(bytes, StandardCharsets.UTF_8);
        }
        return isPadding(token, tokenizer) ? "" : tokenizer.piece(token);
    }

    /** The token's bytes, empty where it has none. */
    static byte[] bytes(int token, Tokenizer tokenizer) {
        return isPadding(token, tokenizer) ? NO_BYTES : tokenizer.bytes(token);
    }

    /** A probability's logarithm as JSON can say it. */
    static double logprob(float logprob) {
        return Float.isFinite(logprob) ? logprob : IMPOSSIBLE;
    }

    /** Output matrices are often padded beyond the vocabulary. */
    private static boolean isPadding(int token, Tokenizer tokenizer) {
        return token >= tokenizer.vocabularySize();
    }
}
