package dev.millrace.models.text.split;

import dev.millrace.models.text.Utf8;

/**
 * GPT-2's pieces:
 * {@code 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+}.
 */
final class Gpt2Split implements SplitRule {

    private static final int WORD_TYPES = CharacterTypes.LETTER | CharacterTypes.NUMBER
            | CharacterTypes.SPACE;

    @Override
    public int end(byte[] text, int from, int limit) {
        int contraction = Contractions.LOWER_CASE.end(text, from, limit);
        if (contraction > 0) {
            return contraction;
        }
        int start = text[from] == ' ' && from + 1 < limit ? from + 1 : from;
        int types = CharacterTypes.at(text, start);
        if ((types & CharacterTypes.SPACE) != 0) {
            return Whitespace.end(text, from, limit, false);
        }
        int next = start + Utf8.length(text[start]);
        if ((types & CharacterTypes.LETTER) != 0) {
            return CharacterTypes.runEnd(text, next, limit, CharacterTypes.LETTER);
        }
        if ((types & CharacterTypes.NUMBER) != 0) {
            return CharacterTypes.runEnd(text, next, limit, CharacterTypes.NUMBER);
        }
        return CharacterTypes.runEndWithout(text, next, limit, WORD_TYPES);
    }
}
