package dev.millrace.models.text.split;

import dev.millrace.models.text.Utf8;

/**
 * Sets runs of some characters apart from what is between them.
 *
 * @param characters    which ones
 * @param maxCharacters how many of them make a piece
 * @param removed       whether the runs themselves are cut out
 */
record RunSplit(CharacterSet characters, int maxCharacters, boolean removed)
        implements
            SplitRule {

    static final int UNLIMITED = Integer.MAX_VALUE;

    @Override
    public int end(byte[] text, int from, int limit) {
        boolean inside = contains(text, from);
        int most = inside ? maxCharacters : UNLIMITED;
        int at = from + Utf8.length(text[from]);
        for (int count = 1; count < most && at < limit && contains(text, at) == inside; count++) {
            at += Utf8.length(text[at]);
        }
        return at;
    }

    @Override
    public boolean keeps(byte[] text, int from, int to) {
        return !removed || !contains(text, from);
    }

    private boolean contains(byte[] text, int at) {
        int codePoint = Utf8.codePoint(text, at);
        return characters.contains(codePoint, CharacterTypes.of(codePoint));
    }
}
