package dev.millrace.models.text.split;

import dev.millrace.models.text.Utf8;

/**
 * The last of DeepSeek V3's three rules, A being ASCII punctuation:
 * {@code A[A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|}
 * {@code \s+(?!\S)|\s+}. What it matches nowhere (control characters) stays together.
 */
final class DeepSeekSplit implements SplitRule {

    private static final int WORD = CharacterTypes.LETTER | CharacterTypes.MARK;
    private static final int SIGNS = CharacterTypes.PUNCTUATION | CharacterTypes.SYMBOL;
    private static final int NO_PREFIX = CharacterTypes.NEWLINE | CharacterTypes.LETTER | SIGNS;
    private static final int NONE = -1;

    @Override
    public int end(byte[] text, int from, int limit) {
        int at = from;
        int matched = match(text, at, limit);
        while (matched == NONE) {
            at += Utf8.length(text[at]);
            matched = at == limit ? at : match(text, at, limit);
        }
        return at > from ? at : matched;
    }

    private static int match(byte[] text, int from, int limit) {
        int types = CharacterTypes.at(text, from);
        int next = from + Utf8.length(text[from]);
        int nextTypes = next < limit ? CharacterTypes.at(text, next) : 0;
        if (text[from] > ' ' && (types & SIGNS) != 0 && next < limit && isAsciiLetter(text[next])) {
            return asciiLettersEnd(text, next, limit);
        }
        if ((types & NO_PREFIX) == 0 && (nextTypes & WORD) != 0 || (types & WORD) != 0) {
            return CharacterTypes.runEnd(text, next, limit, WORD);
        }
        if ((types & SIGNS) != 0 || text[from] == ' ' && (nextTypes & SIGNS) != 0) {
            int end = CharacterTypes.runEnd(text, next, limit, SIGNS);
            return CharacterTypes.runEnd(text, end, limit, CharacterTypes.NEWLINE);
        }
        return (types & CharacterTypes.SPACE) != 0
                ? Whitespace.end(text, from, limit, true)
                : NONE;
    }

    private static int asciiLettersEnd(byte[] text, int from, int limit) {
        int at = from;
        while (at < limit && isAsciiLetter(text[at])) {
            at++;
        }
        return at;
    }

    private static boolean isAsciiLetter(byte b) {
        return b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z';
    }
}
