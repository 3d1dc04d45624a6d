package dev.millrace.models;

import dev.millrace.models.gguf.GgufArray;
import dev.millrace.models.gguf.GgufException;
import dev.millrace.models.gguf.GgufMetadata;
import dev.millrace.models.gguf.GgufValueType;
import dev.millrace.models.text.SentencePieceTokenizer;
import dev.millrace.models.text.Tokenizer;
import dev.millrace.models.text.Vocabulary;
import dev.millrace.models.text.Vocabulary.Kind;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Set;

/** Builds a tokenizer from the {@code tokenizer.ggml.*} metadata. */
final class GgufTokenizerReader {

    private static final String PREFIX = "tokenizer.ggml.";
    private static final String MODEL_KEY = PREFIX + "model";
    private static final String TOKENS_KEY = PREFIX + "tokens";
    private static final String SCORES_KEY = PREFIX + "scores";
    private static final String TYPES_KEY = PREFIX + "token_type";
    private static final String SENTENCE_PIECE = "llama";
    private static final int NONE = -1;
    /** What SentencePiece numbers these tokens unless told otherwise. */
    private static final int DEFAULT_UNKNOWN_TOKEN = 0;
    private static final int DEFAULT_START_TOKEN = 1;
    private static final int DEFAULT_END_TOKEN = 2;
    /** Tokens that end a turn or a message; either ends a generation too. */
    private static final String[] END_KEYS = {"eot_token_id", "eom_token_id"};
    /** Pieces that end a generation in whatever file they are found; many files name only one. */
    private static final Set<String> END_PIECES = Set.of("</s>", "<|im_end|>", "<|eot_id|>",
            "<|eom_id|>", "<|end|>", "<|endoftext|>", "<|end_of_text|>", "<end_of_turn>");

    private final GgufMetadata metadata;
    private final int size;

    private GgufTokenizerReader(GgufMetadata metadata, int size) {
        this.metadata = metadata;
        this.size = size;
    }

    /**
     * Reads the tokenizer.
     *
     * @param vocabularySize rows of the model's embedding, which the tokens must match
     * @throws GgufException if the file has no vocabulary or one that this version cannot use
     */
    static Tokenizer read(GgufMetadata metadata, int vocabularySize) {
        return new GgufTokenizerReader(metadata, vocabularySize).read();
    }

    private Tokenizer read() {
        String model = metadata.requiredString(MODEL_KEY);
        if (!model.equals(SENTENCE_PIECE)) {
            throw metadata.wrong(MODEL_KEY, model, "\"" + SENTENCE_PIECE
                    + "\" (SentencePiece), the only kind of vocabulary this version reads");
        }
        int startToken = token("bos_token_id", DEFAULT_START_TOKEN);
        int endToken = token("eos_token_id", DEFAULT_END_TOKEN);
        int unknownToken = token("unknown_token_id", DEFAULT_UNKNOWN_TOKEN);
        Set<Integer> endTokens = new HashSet<>();
        endTokens.add(endToken);
        for (String key : END_KEYS) {
            endTokens.add(token(key, NONE));
        }
        endTokens.remove(NONE);
        byte[][] pieces = pieces();
        Kind[] kinds = kinds(pieces, startToken, unknownToken, endTokens);
        for (int token = 0; token < size; token++) {
            if (END_PIECES.contains(new String(pieces[token], StandardCharsets.UTF_8))) {
                kinds[token] = Kind.CONTROL;
                endTokens.add(token);
            }
        }
        return new SentencePieceTokenizer(new Vocabulary(pieces, scores(), kinds),
                new SentencePieceTokenizer.Options(startToken, endToken, unknownToken, endTokens,
                        metadata.flag(PREFIX + "add_bos_token", true),
                        metadata.flag(PREFIX + "add_space_prefix", true)));
    }

    /** Ids beyond the vocabulary mean "none": converters write 2^32 - 1 for an absent token. */
    private int token(String suffix, int fallback) {
        long token = metadata.integer(PREFIX + suffix).orElse((long) fallback);
        return token >= 0 && token < size ? (int) token : NONE;
    }

    private byte[][] pieces() {
        GgufArray tokens = array(TOKENS_KEY, GgufValueType.STRING);
        byte[][] pieces = new byte[size][];
        for (int token = 0; token < size; token++) {
            pieces[token] = tokens.bytes(token);
        }
        return pieces;
    }

    private float[] scores() {
        float[] scores = new float[size];
        if (metadata.has(SCORES_KEY)) {
            GgufArray array = array(SCORES_KEY, GgufValueType.FLOAT32);
            for (int token = 0; token < size; token++) {
                scores[token] = ((Double) array.get(token)).floatValue();
                if (Float.isNaN(scores[token])) {
                    throw metadata.wrong(SCORES_KEY, "NaN for token " + token, "numbers");
                }
            }
        }
        return scores;
    }

    private Kind[] kinds(byte[][] pieces, int startToken, int unknownToken,
            Set<Integer> endTokens) {
        Kind[] kinds = new Kind[size];
        if (metadata.has(TYPES_KEY)) {
            GgufArray array = array(TYPES_KEY, GgufValueType.INT32);
            for (int token = 0; token < size; token++) {
                kinds[token] = Kind.of((Long) array.get(token));
            }
            return kinds;
        }
        Arrays.fill(kinds, Kind.NORMAL);
        for (int token = 0; token < size; token++) {
            if (Vocabulary.byteOf(pieces[token]) >= 0) {
                kinds[token] = Kind.BYTE;
            } else if (token == unknownToken) {
                kinds[token] = Kind.UNKNOWN;
            } else if (token == startToken || endTokens.contains(token)) {
                kinds[token] = Kind.CONTROL;
            }
        }
        return kinds;
    }

    private GgufArray array(String key, GgufValueType elementType) {
        GgufArray array = metadata.array(key).orElseThrow(() -> metadata.missing(key));
        if (array.elementType() != elementType || array.size() != size) {
            throw metadata.wrong(key, array, "an array of " + size + " " + elementType
                    + ", one per row of the embedding");
        }
        return array;
    }
}
