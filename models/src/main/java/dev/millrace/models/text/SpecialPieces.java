package dev.millrace.models.text;

import dev.millrace.models.text.Vocabulary.Kind;
import java.util.BitSet;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;

/** The pieces to look for in a text before it is split: whole tokens whatever surrounds them. */
final class SpecialPieces {

    private static final int NONE = -1;
    /** Every marker of a published template has one of these in it. */
    private static final String MARKUP = "<>[]{}|";

    private final Vocabulary vocabulary;
    private final BitSet tokens = new BitSet();
    private final BitSet firstBytes = new BitSet();
    /** Distinct lengths in bytes, the longest first. */
    private final int[] lengths;

    private SpecialPieces(Vocabulary vocabulary, IntPredicate included) {
        this.vocabulary = vocabulary;
        IntStream.range(0, vocabulary.size())
                .filter(token -> vocabulary.piece(token).length > 0 && included.test(token))
                .forEach(token -> {
                    tokens.set(token);
                    firstBytes.set(vocabulary.piece(token)[0] & 0xff);
                });
        this.lengths = tokens.stream().map(token -> -vocabulary.piece(token).length).sorted()
                .distinct().map(length -> -length).toArray();
    }

    /** What a template may write: control, unknown and user-defined pieces. */
    static SpecialPieces trusted(Vocabulary vocabulary) {
        return new SpecialPieces(vocabulary, token -> switch (vocabulary.kind(token)) {
            case CONTROL, UNKNOWN, USER_DEFINED -> true;
            case NORMAL, UNUSED, BYTE -> false;
        });
    }

    /** What anybody may write: user-defined pieces that no template would use as a marker. */
    static SpecialPieces untrusted(Vocabulary vocabulary) {
        return new SpecialPieces(vocabulary, token -> vocabulary.kind(token) == Kind.USER_DEFINED
                && !isMarker(vocabulary.piece(token)));
    }

    private static boolean isMarker(byte[] piece) {
        for (byte b : piece) {
            if (MARKUP.indexOf(b) >= 0) {
                return true;
            }
        }
        return false;
    }

    /** The longest special piece that begins at this byte, or -1. */
    int longestAt(byte[] text, int from, int limit) {
        if (!firstBytes.get(text[from] & 0xff)) {
            return NONE;
        }
        for (int length : lengths) {
            if (length <= limit - from) {
                int token = vocabulary.find(text, from, length);
                if (token != NONE && tokens.get(token)) {
                    return token;
                }
            }
        }
        return NONE;
    }
}
