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
    private static final long EMPTY = -1;
    private static final long TAG = 0xffff_ffff_0000_0000L;

    private final byte[][] pieces;
    private final float[] scores;
    private final Kind[] kinds;
    private final int[] byteTokens = new int[BYTES];
    /** Open addressing, at most half full: the upper half of a hash and a token, or none. */
    private final long[] slots;
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
        this.slots = new long[Integer.highestOneBit(Math.max(1, pieces.length)) << 2];
        Arrays.fill(slots, EMPTY);
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
        return length > longestPieceBytes
                ? NONE
                : find(hash(text, from, from + length), text, from, from + length);
    }

    /** A hash of these bytes, which depends on the process. */
    long hash(byte[] text, int from, int to) {
        return ByteHash.of(text, from, to, hashSeed);
    }

    /** As {@link #find(byte[], int, int)}, with the {@link #hash} of the bytes. */
    int find(long hash, byte[] text, int from, int to) {
        int at = (int) hash & slots.length - 1;
        for (long slot = slots[at]; slot != EMPTY; slot = slots[at]) {
            if (((slot ^ hash) & TAG) == 0) {
                byte[] piece = pieces[(int) slot];
                if (Arrays.equals(piece, 0, piece.length, text, from, to)) {
                    return (int) slot;
                }
            }
            at = at + 1 & slots.length - 1;
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
        long hash = hash(piece, 0, piece.length);
        int at = (int) hash & slots.length - 1;
        while (slots[at] != EMPTY) {
            int other = (int) slots[at];
            if (Arrays.equals(pieces[other], piece)) {
                if (kinds[other] == Kind.UNUSED && kinds[token] == Kind.NORMAL) {
                    slots[at] = hash & TAG | token;
                }
                return;
            }
            at = at + 1 & slots.length - 1;
        }
        slots[at] = hash & TAG | token;
    }
}
