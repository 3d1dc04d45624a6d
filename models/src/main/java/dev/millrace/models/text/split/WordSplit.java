package dev.millrace.models.text.split;

import dev.millrace.models.text.Utf8;

/**
 * The pieces of GPT-4 and those after it, in the variants that families made of it:
 * {@code (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|}
 * {@code  ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+}.
 *
 * @param contractions       which are pieces of their own
 * @param letters           types of which words are made
 * @param maxDigits         how many digits make a piece
 * @param newlinesAfterSigns whether a run of signs takes the line ends after it along
 */
record WordSplit(Contractions contractions, int letters, int maxDigits,
        boolean newlinesAfterSigns) implements SplitRule {

    @Override
    public int end(byte[] text, int from, int limit) {
        int contraction = contractions.end(text, from, limit);
        if (contraction > 0) {
            return contraction;
        }
        int types = CharacterTypes.at(text, from);
        int next = from + Utf8.length(text[from]);
        if ((types & letters) != 0) {
            return CharacterTypes.runEnd(text, next, limit, letters);
        }
        if ((types & CharacterTypes.NUMBER) != 0) {
            return numberEnd(text, next, limit, maxDigits - 1);
        }
        int nextTypes = next < limit ? CharacterTypes.at(text, next) : CharacterTypes.SPACE;
        if ((types & CharacterTypes.NEWLINE) == 0 && (nextTypes & letters) != 0) {
            return CharacterTypes.runEnd(text, next, limit, letters);
        }
        int otherTypes = letters | CharacterTypes.NUMBER | CharacterTypes.SPACE;
        boolean signs = (types & CharacterTypes.SPACE) == 0
                || text[from] == ' ' && (nextTypes & otherTypes) == 0;
        if (!signs) {
            return Whitespace.end(text, from, limit, true);
        }
        int end = CharacterTypes.runEndWithout(text, next, limit, otherTypes);
        return newlinesAfterSigns
                ? CharacterTypes.runEnd(text, end, limit, CharacterTypes.NEWLINE)
                : end;
    }

    /** Where at most this many further digits end. */
    static int numberEnd(byte[] text, int from, int limit, int digits) {
        int at = from;
        for (int i = 0; i < digits && at < limit; i++) {
            if ((CharacterTypes.at(text, at) & CharacterTypes.NUMBER) == 0) {
                break;
            }
            at += Utf8.length(text[at]);
        }
        return at;
    }
}
