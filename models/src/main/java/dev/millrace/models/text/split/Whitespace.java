package dev.millrace.models.text.split;

import dev.millrace.models.text.Utf8;

/** What nearly all patterns end with: {@code \s*[\r\n]+|\s+(?!\S)|\s+}. */
final class Whitespace {

    private Whitespace() {}

    /**
     * Where the piece ends that begins with the space character at {@code from}: after the run's
     * last line end if lines count; else before the run's last character, which goes with the word
     * that follows, unless the run is that one character or nothing follows.
     */
    static int end(byte[] text, int from, int limit, boolean linesCount) {
        int at = from;
        int last = from;
        int afterNewline = -1;
        while (at < limit) {
            int types = CharacterTypes.at(text, at);
            if ((types & CharacterTypes.SPACE) == 0) {
                break;
            }
            last = at;
            at += Utf8.length(text[at]);
            if ((types & CharacterTypes.NEWLINE) != 0) {
                afterNewline = at;
            }
        }
        if (linesCount && afterNewline >= 0) {
            return afterNewline;
        }
        return at == limit || last == from ? at : last;
    }
}
