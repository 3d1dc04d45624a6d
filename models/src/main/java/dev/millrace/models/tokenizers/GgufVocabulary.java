package dev.millrace.models.tokenizers;

import dev.millrace.models.gguf.GgufArray;
import dev.millrace.models.gguf.GgufMetadata;
import dev.millrace.models.gguf.GgufValueType;
import dev.millrace.models.text.AddedToken;
import dev.millrace.models.text.EndPieces;
import dev.millrace.models.text.Vocabulary;
import dev.millrace.models.text.Vocabulary.Kind;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** The lists and numbers that vocabularies of all kinds have under {@code tokenizer.ggml.*}. */
final class GgufVocabulary {

    static final String PREFIX = "tokenizer.ggml.";
    static final String TOKENS_KEY = PREFIX + "tokens";

    static final String SCORES_KEY = PREFIX + "scores";
    static final String TYPES_KEY = PREFIX + "token_type";
    private static final int NONE = -1;
    /** Tokens that end a turn or a message; either ends a generation too. */
    private static final String[] END_KEYS = {"eot_token_id", "eom_token_id"};

    private final GgufMetadata metadata;
    private final int size;
    private final byte[][] pieces;

    GgufVocabulary(GgufMetadata metadata, int size) {
        this.metadata = metadata;
        this.size = size;
        GgufArray tokens = array(TOKENS_KEY, GgufValueType.STRING);
        this.pieces = new byte[size][];
        for (int token = 0; token < size; token++) {
            pieces[token] = tokens.bytes(token);
        }
    }

    GgufMetadata metadata() {
        return metadata;
    }

    /** The pieces as the file spells them. */
    byte[][] pieces() {
        return pieces;
    }

    /** Ids beyond the vocabulary mean "none": converters write 2^32 - 1 for an absent token. */
    int token(String suffix, int fallback) {
        long token = metadata.integer(PREFIX + suffix).orElse((long) fallback);
        return token >= 0 && token < size ? (int) token : NONE;
    }

    /** A token that the vocabulary cannot do without. */
    int requiredToken(String suffix, int fallback) {
        int token = token(suffix, fallback);
        if (token == NONE) {
            String key = PREFIX + suffix;
            throw metadata.integer(key)
                    .map(found -> metadata.wrong(key, found, "the number of a token"))
                    .orElseGet(() -> metadata.missing(key));
        }
        return token;
    }

    boolean flag(String suffix, boolean fallback) {
        return metadata.flag(PREFIX + suffix, fallback);
    }

    float[] scores() {
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

    /** The tokens that end a generation, {@code endToken} among them. */
    Set<Integer> endTokens(int endToken) {
        Set<Integer> endTokens = new HashSet<>();
        endTokens.add(endToken);
        for (String key : END_KEYS) {
            endTokens.add(token(key, NONE));
        }
        endTokens.remove(NONE);
        return endTokens;
    }

    /**
     * What the pieces are. Known ends of turns are control pieces whatever the file says, and are
     * added to {@code endTokens}.
     */
    Kind[] kinds(int startToken, int unknownToken, Set<Integer> endTokens) {
        Kind[] kinds = metadata.has(TYPES_KEY)
                ? namedKinds()
                : guessedKinds(startToken, unknownToken, endTokens);
        Map<String, Integer> tokens = new HashMap<>();
        for (int token = 0; token < size; token++) {
            tokens.put(new String(pieces[token], StandardCharsets.UTF_8), token);
        }
        for (String piece : EndPieces.among(tokens::containsKey)) {
            kinds[tokens.get(piece)] = Kind.CONTROL;
            endTokens.add(tokens.get(piece));
        }
        return kinds;
    }

    private Kind[] namedKinds() {
        GgufArray array = array(TYPES_KEY, GgufValueType.INT32);
        Kind[] kinds = new Kind[size];
        for (int token = 0; token < size; token++) {
            kinds[token] = Kind.of((Long) array.get(token));
        }
        return kinds;
    }

    private Kind[] guessedKinds(int startToken, int unknownToken, Set<Integer> endTokens) {
        Kind[] kinds = new Kind[size];
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

    /** The special and user-defined pieces, as what is looked for in a text. */
    List<AddedToken> addedTokens(Kind[] kinds) {
        List<AddedToken> added = new ArrayList<>();
        for (int token = 0; token < kinds.length; token++) {
            boolean special = kinds[token] == Kind.CONTROL || kinds[token] == Kind.UNKNOWN;
            if (special || kinds[token] == Kind.USER_DEFINED) {
                added.add(new AddedToken(token,
                        new String(pieces[token], StandardCharsets.UTF_8), special));
            }
        }
        return added;
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
