package dev.millrace.models.text;

import dev.millrace.models.text.Vocabulary.Kind;
import java.util.Arrays;

/**
 * Where a text may be cut before it is merged without changing a token: before a space (U+2581)
 * after a character that no piece has before a space, since no merge can cross that place. Words
 * can then be merged, and remembered, one by one, where a vocabulary has no rule to cut by.
 */
final class SafeCuts {

    private static final byte[] SPACE = Vocabulary.SPACE;
    private static final int BYTES = 256;

    /** Bytes that end a character before a space within a piece. */
    private final boolean[] joins = new boolean[BYTES];

    SafeCuts(Vocabulary vocabulary) {
        for (int token = 0; token < vocabulary.size(); token++) {
            byte[] piece = vocabulary.piece(token);
            Kind kind = vocabulary.kind(token);
            if (kind == Kind.NORMAL || kind == Kind.USER_DEFINED) {
                for (int at = 1; at < piece.length; at++) {
                    joins[piece[at - 1] & 0xff] |= isSpace(piece, at, piece.length);
                }
            }
        }
        // A run of spaces stays together.
        joins[SPACE[SPACE.length - 1] & 0xff] = true;
    }

    /** The first place after {@code from} where the text may be cut, or {@code to}. */
    int next(byte[] text, int from, int to) {
        for (int at = from + 1; at < to; at++) {
            if (text[at] == SPACE[0] && !joins[text[at - 1] & 0xff] && isSpace(text, at, to)) {
                return at;
            }
        }
        return to;
    }

    private static boolean isSpace(byte[] text, int at, int to) {
        return text[at] == SPACE[0] && to - at >= SPACE.length
                && Arrays.equals(text, at, at + SPACE.length, SPACE, 0, SPACE.length);
    }
}
