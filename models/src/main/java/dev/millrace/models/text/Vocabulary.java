package dev.millrace.models.text;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.SplittableRandom;

/**
 * The pieces of a SentencePiece vocabulary with their scores and kinds, found by their bytes
 * without allocating.
 */
public final class Vocabulary {

    /** How SentencePiece writes a space inside a piece: U+2581. */
    static final byte[] SPACE = "\u2581".getBytes(StandardCharsets.UTF_8);

    /** What a piece is to the tokenizer; GGUF numbers them as SentencePiece's own file does. */
    public enum Kind {
        NORMAL,
        UNKNOWN,
        CONTROL,
        USER_DEFINED,
        UNUSED,
        BYTE;

        /** The kind with this number in a file; 1 is {@link #NORMAL}, and so is what is unknown. */
        public static Kind of(long code) {
            return code >= 1 && code <= values().length ? values()[(int) code - 1] : NORMAL;
        }
    }

    private static final int BYTES = 256;
    private static final int NONE = -1;
    private static final long HASH_FACTOR = 0x9e37_79b9_7f4a_7c15L;

    private final byte[][] pieces;
    private final float[] scores;
    private final Kind[] kinds;
    private final int[] byteTokens = new int[BYTES];
    /** Open addressing, at most half full; a slot holds a token or {@link #NONE}. */
    private final int[] slots;
    /** Random, so that no file can choose pieces that all fall into one slot. */
    private final long hashSeed = new SplittableRandom().nextLong();
    private final int longestPieceBytes;

    /**
     * A vocabulary; token ids are the indices of the arrays, which are kept, not copied.
     *
     * @param scores the higher, the sooner a piece is merged; never NaN
     */
    public Vocabulary(byte[][] pieces, float[] scores, Kind[] kinds) {
        if (scores.length != pieces.length || kinds.length != pieces.length) {
            throw new IllegalArgumentException(pieces.length + " pieces need as many scores and"
                    + " kinds, got " + scores.length + " and " + kinds.length);
        }
        this.pieces = pieces;
        this.scores = scores;
        this.kinds = kinds;
        this.slots = new int[Integer.highestOneBit(Math.max(1, pieces.length)) << 2];
        Arrays.fill(slots, NONE);
        Arrays.fill(byteTokens, NONE);
        int longest = 0;
        for (int token = 0; token < pieces.length; token++) {
            insert(token);
            longest = Math.max(longest, pieces[token].length);
            int value = kinds[token] == Kind.BYTE ? byteOf(pieces[token]) : NONE;
            if (value >= 0) {
                byteTokens[value] = token;
            }
        }
        this.longestPieceBytes = longest;
    }

    public int size() {
        return pieces.length;
    }

    Kind kind(int token) {
        return kinds[token];
    }

    float score(int token) {
        return scores[token];
    }

    /** The bytes of a piece as the vocabulary has them; not to be changed. */
    byte[] piece(int token) {
        return pieces[token];
    }

    int longestPieceBytes() {
        return longestPieceBytes;
    }

    /** The token that stands for one byte, or -1. */
    int byteToken(int value) {
        return byteTokens[value];
    }

    /** The token whose piece is these bytes (of equals the first that is in use), or -1. */
    int find(byte[] text, int from, int length) {
        if (length > longestPieceBytes) {
            return NONE;
        }
        int slot = slot(text, from, length);
        while (slots[slot] != NONE) {
            byte[] piece = pieces[slots[slot]];
            if (Arrays.equals(piece, 0, piece.length, text, from, from + length)) {
                return slots[slot];
            }
            slot = slot + 1 & slots.length - 1;
        }
        return NONE;
    }

    /** The value that a piece such as {@code <0x0A>} spells, or -1. */
    public static int byteOf(byte[] piece) {
        if (piece.length != 6 || piece[0] != '<' || piece[1] != '0' || piece[2] != 'x'
                || piece[5] != '>') {
            return NONE;
        }
        int high = Character.digit(piece[3], 16);
        int low = Character.digit(piece[4], 16);
        return high < 0 || low < 0 ? NONE : high << 4 | low;
    }

    private void insert(int token) {
        byte[] piece = pieces[token];
        int slot = slot(piece, 0, piece.length);
        while (slots[slot] != NONE) {
            if (Arrays.equals(pieces[slots[slot]], piece)) {
                if (kinds[slots[slot]] == Kind.UNUSED && kinds[token] == Kind.NORMAL) {
                    slots[slot] = token;
                }
                return;
            }
            slot = slot + 1 & slots.length - 1;
        }
        slots[slot] = token;
    }

    private int slot(byte[] text, int from, int length) {
        long hash = hashSeed;
        for (int i = from; i < from + length; i++) {
            hash = (hash ^ text[i]) * HASH_FACTOR;
            hash ^= hash >>> 29;
        }
        return (int) (hash >>> 32) & slots.length - 1;
    }
}
