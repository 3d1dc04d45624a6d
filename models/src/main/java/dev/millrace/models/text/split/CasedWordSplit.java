package dev.millrace.models.text.split;

import dev.millrace.models.text.Utf8;

/**
 * The pieces of Mistral's tekken and of GPT-4o, whose words begin anew where lower case is followed
 * by upper case. With U for {@code [\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]}, D for
 * {@code [\p{Ll}\p{Lm}\p{Lo}\p{M}]} and P for {@code [^\r\n\p{L}\p{N}]}:
 * {@code P?U*D+C?|P?U+D*C?|\p{N}{1,maxDigits}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+},
 * C being the contractions, if any.
 */
record CasedWordSplit(int maxDigits, Contractions contractions) implements SplitRule {

    private static final int CASELESS = CharacterTypes.OTHER_LETTER | CharacterTypes.MARK;
    private static final int UPPERS = CharacterTypes.UPPER | CASELESS;
    private static final int LOWERS = CharacterTypes.LOWER | CASELESS;
    private static final int WORD_TYPES = CharacterTypes.LETTER | CharacterTypes.NUMBER
            | CharacterTypes.SPACE;
    private static final int NO_PREFIX = CharacterTypes.LETTER | CharacterTypes.NUMBER
            | CharacterTypes.NEWLINE;
    private static final int NONE = -1;

    @Override
    public int end(byte[] text, int from, int limit) {
        int types = CharacterTypes.at(text, from);
        int next = from + Utf8.length(text[from]);
        boolean prefix = (types & NO_PREFIX) == 0 && next < limit;
        int word = prefix ? lowerEnd(text, next, limit) : NONE;
        word = word == NONE ? lowerEnd(text, from, limit) : word;
        word = word == NONE && prefix ? upperEnd(text, next, limit) : word;
        word = word == NONE ? upperEnd(text, from, limit) : word;
        if (word != NONE) {
            int contraction = contractions != null && word < limit
                    ? contractions.end(text, word, limit)
                    : NONE;
            return contraction == NONE ? word : contraction;
        }
        if ((types & CharacterTypes.NUMBER) != 0) {
            return WordSplit.numberEnd(text, next, limit, maxDigits - 1);
        }
        boolean signs = (types & CharacterTypes.SPACE) == 0
                || text[from] == ' ' && next < limit
                        && (CharacterTypes.at(text, next) & WORD_TYPES) == 0;
        return signs ? signsEnd(text, next, limit) : Whitespace.end(text, from, limit, true);
    }

    /** {@code U*D+}: U* gives back only as far as the last character that is both. */
    private static int lowerEnd(byte[] text, int from, int limit) {
        int at = from;
        int afterCaseless = NONE;
        while (at < limit) {
            int types = CharacterTypes.at(text, at);
            if ((types & UPPERS) == 0) {
                break;
            }
            at += Utf8.length(text[at]);
            if ((types & CASELESS) != 0) {
                afterCaseless = at;
            }
        }
        int end = CharacterTypes.runEnd(text, at, limit, LOWERS);
        return end > at ? end : afterCaseless;
    }

    /** {@code U+D*}. */
    private static int upperEnd(byte[] text, int from, int limit) {
        int end = CharacterTypes.runEnd(text, from, limit, UPPERS);
        return end > from ? CharacterTypes.runEnd(text, end, limit, LOWERS) : NONE;
    }

    private static int signsEnd(byte[] text, int from, int limit) {
        int at = CharacterTypes.runEndWithout(text, from, limit, WORD_TYPES);
        while (at < limit && (text[at] == '\r' || text[at] == '\n' || text[at] == '/')) {
            at++;
        }
        return at;
    }
}
