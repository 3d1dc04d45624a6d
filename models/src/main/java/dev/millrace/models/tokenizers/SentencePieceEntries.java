package dev.millrace.models.tokenizers;

import dev.millrace.models.gguf.GgufEntries;
import dev.millrace.models.gguf.GgufValueType;
import dev.millrace.models.text.SpecialTokens;
import dev.millrace.models.text.Utf8;
import dev.millrace.models.text.Vocabulary.Kind;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;

/**
 * A SentencePiece model in GGUF's words, which {@link GgufTokenizerReader} reads back: byte pairs
 * as "llama", unigram models as "t5".
 *
 * @param file   the model as written
 * @param pieces with those that a configuration adds
 * @param kinds  of each
 * @param scores of each
 */
record SentencePieceEntries(SentencePieceFile file, List<byte[]> pieces, List<Kind> kinds,
        List<Float> scores) {

    /** What converters of llama.cpp call the rows of an embedding that no token has. */
    private static final String FREE_PIECE = "[PAD%d]";
    private static final float FREE_SCORE = -1000;
    /** Converters write the largest number of 32 bits for a token that does not exist. */
    private static final long NO_TOKEN = 0xffff_ffffL;

    /**
     * Writes everything under {@code tokenizer.ggml.*}.
     *
     * @throws IllegalArgumentException if GGUF has no words for it, or there are too many tokens
     */
    void write(SpecialTokens special, int vocabularySize, GgufEntries out) {
        if (pieces.size() > vocabularySize) {
            throw new IllegalArgumentException("it has " + pieces.size()
                    + " tokens, but the model knows " + vocabularySize);
        }
        requireExpressible();
        out.string(GgufVocabulary.PREFIX + "model", file.isBytePairs() ? "llama" : "t5");
        out.string(GgufVocabulary.PREFIX + "pre", "default");
        writeVocabulary(vocabularySize, out);
        token(out, "bos_token_id", special.startToken());
        token(out, "eos_token_id", special.endToken());
        token(out, "unknown_token_id",
                file.unknownToken < pieces.size() ? file.unknownToken : -1);
        out.bool(GgufVocabulary.PREFIX + "add_bos_token", special.addsStart());
        out.bool(GgufVocabulary.PREFIX + "add_space_prefix", file.addsSpacePrefix);
        if (!file.isBytePairs()) {
            out.bool(GgufVocabulary.PREFIX + "add_eos_token", special.addsEnd());
            out.bool(GgufVocabulary.PREFIX + "remove_extra_whitespaces", file.mergesSpaces);
            if (file.map.length > 0) {
                out.array(GgufUnigram.MAP_KEY, GgufValueType.UINT8.code(), file.map.length,
                        file.map);
            }
        }
    }

    private void requireExpressible() {
        if (file.isBytePairs() && file.changesText()) {
            throw new IllegalArgumentException("it changes texts before it merges byte pairs,"
                    + " which GGUF cannot say");
        }
        if (!file.isBytePairs() && !file.byteFallback && kinds.contains(Kind.BYTE)) {
            throw new IllegalArgumentException("it has pieces of single bytes and does not fall"
                    + " back to them, which GGUF cannot say");
        }
    }

    private void writeVocabulary(int size, GgufEntries out) {
        ByteArrayOutputStream texts = new ByteArrayOutputStream();
        float[] allScores = new float[size];
        int[] types = new int[size];
        for (int token = 0; token < size; token++) {
            boolean free = token >= pieces.size() || pieces.get(token).length == 0;
            byte[] piece = free
                    ? Utf8.encode(String.format(FREE_PIECE, token))
                    : pieces.get(token);
            texts.writeBytes(ByteBuffer.allocate(Long.BYTES).order(ByteOrder.LITTLE_ENDIAN)
                    .putLong(piece.length).array());
            texts.writeBytes(piece);
            allScores[token] = free ? FREE_SCORE : scores.get(token);
            types[token] = 1 + (free ? Kind.UNUSED : kinds.get(token)).ordinal();
        }
        out.array(GgufVocabulary.TOKENS_KEY, GgufValueType.STRING.code(), size,
                texts.toByteArray());
        out.float32s(GgufVocabulary.SCORES_KEY, allScores);
        out.int32s(GgufVocabulary.TYPES_KEY, types);
    }

    private static void token(GgufEntries out, String suffix, int token) {
        out.uint32(GgufVocabulary.PREFIX + suffix, token < 0 ? NO_TOKEN : token);
    }
}
