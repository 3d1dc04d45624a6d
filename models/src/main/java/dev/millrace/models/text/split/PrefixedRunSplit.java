package dev.millrace.models.text.split;

import dev.millrace.models.text.Utf8;

/**
 * Sets runs of some characters apart from what is between them, each run with the one character
 * before it if that is of another set.
 */
record PrefixedRunSplit(CharacterSet prefix, CharacterSet characters) implements SplitRule {

    @Override
    public int end(byte[] text, int from, int limit) {
        int at = from;
        int run = runStart(text, from, limit);
        while (run < 0) {
            at += Utf8.length(text[at]);
            run = at == limit ? limit : runStart(text, at, limit);
        }
        if (at > from) {
            return at;
        }
        while (run < limit && contains(characters, text, run)) {
            run += Utf8.length(text[run]);
        }
        return run;
    }

    /** Where the run of the piece begins that begins here, or -1 if none does. */
    private int runStart(byte[] text, int at, int limit) {
        int next = at + Utf8.length(text[at]);
        if (contains(prefix, text, at) && next < limit && contains(characters, text, next)) {
            return next;
        }
        return contains(characters, text, at) ? at : -1;
    }

    private static boolean contains(CharacterSet set, byte[] text, int at) {
        int codePoint = Utf8.codePoint(text, at);
        return set.contains(codePoint, CharacterTypes.of(codePoint));
    }
}
