package dev.millrace.bench.synth;

import dev.millrace.models.gguf.GgufEntries;
import dev.millrace.models.text.Vocabulary.Kind;
import java.util.ArrayList;
import java.util.List;

/**
 * The smallest SentencePiece vocabulary that every reader accepts: special tokens, one per byte,
 * and words that nobody writes up to the size that the embedding has.
 */
final class PlaceholderVocabulary {

    private static final int UNKNOWN = 0;
    private static final int START = 1;
    private static final int END = 2;
    private static final int END_OF_TEXT = 3 + 256;
    /** Three special tokens, the bytes, and one that llama.cpp looks for in files of phi3. */
    static final int LEAST_SIZE = END_OF_TEXT + 1;

    private PlaceholderVocabulary() {}

    static void addTo(GgufEntries metadata, int size) {
        List<String> pieces = new ArrayList<>(size);
        float[] scores = new float[size];
        int[] kinds = new int[size];
        for (int token = 0; token < size; token++) {
            Kind kind = kind(token);
            pieces.add(piece(token));
            kinds[token] = kind.ordinal() + 1; // as SentencePiece numbers them
            scores[token] = kind == Kind.NORMAL ? -token : 0;
        }
        metadata.string("tokenizer.ggml.model", "llama")
                .strings("tokenizer.ggml.tokens", pieces)
                .float32s("tokenizer.ggml.scores", scores)
                .int32s("tokenizer.ggml.token_type", kinds)
                .uint32("tokenizer.ggml.unknown_token_id", UNKNOWN)
                .uint32("tokenizer.ggml.bos_token_id", START)
                .uint32("tokenizer.ggml.eos_token_id", END);
    }

    private static Kind kind(int token) {
        if (token == UNKNOWN) {
            return Kind.UNKNOWN;
        }
        return token <= END || token == END_OF_TEXT
                ? Kind.CONTROL
                : token < END_OF_TEXT ? Kind.BYTE : Kind.NORMAL;
    }

    private static String piece(int token) {
        return switch (token) {
            case UNKNOWN -> "<unk>";
            case START -> "<s>";
            case END -> "</s>";
            case END_OF_TEXT -> "<|endoftext|>";
            default -> token < LEAST_SIZE
                    ? String.format("<0x%02X>", token - END - 1)
                    : "\u2581w" + token;
        };
    }
}
