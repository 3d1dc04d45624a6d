package dev.millrace.models.text.split;

import dev.millrace.models.text.Utf8;
import java.lang.ref.WeakReference;

/**
 * Cuts digits in groups of three, counted from their end, as numbers are written:
 * {@code (?=(\d{3})+(?!\d))}. What is before the digits stays with what the cuts leave at the
 * front.
 */
final class DigitGroupSplit implements SplitRule {

    private static final int GROUP = 3;

    /** A position in a text from which whole groups follow, up to an end. */
    private record Aligned(WeakReference<byte[]> text, int at, int limit, int end) {

        boolean is(byte[] asked, int askedAt, int askedLimit) {
            return askedAt == at && askedLimit == limit && text.refersTo(asked);
        }
    }

    /** The latest cut, so that a long number is counted once; a race counts it once more. */
    private Aligned latest = new Aligned(new WeakReference<>(null), 0, 0, 0);

    @Override
    public int end(byte[] text, int from, int limit) {
        int at = from;
        Aligned known = latest;
        if (known.is(text, from, limit)) {
            int next = skip(text, from, GROUP);
            if (next < known.end) {
                latest = new Aligned(known.text, next, limit, known.end);
                return next;
            }
            at = known.end;
        }
        while (at < limit) {
            int start = CharacterTypes.runEndWithout(text, at, limit, CharacterTypes.DIGIT);
            int end = start;
            int digits = 0;
            for (; end < limit && isDigit(text, end); digits++) {
                end += Utf8.length(text[end]);
            }
            int cut = skip(text, start, digits % GROUP);
            if (cut == from && digits > GROUP) {
                cut = skip(text, cut, GROUP);
            }
            if (digits >= GROUP && cut > from) {
                latest = new Aligned(new WeakReference<>(text), cut, limit, end);
                return cut;
            }
            at = end;
        }
        return limit;
    }

    private static boolean isDigit(byte[] text, int at) {
        return (CharacterTypes.at(text, at) & CharacterTypes.DIGIT) != 0;
    }

    private static int skip(byte[] text, int from, int characters) {
        int at = from;
        for (int i = 0; i < characters; i++) {
            at += Utf8.length(text[at]);
        }
        return at;
    }
}
