package dev.millrace.models.text.split;

/** Sets the white space at the end of a text apart: {@code \s+$}. */
final class TrailingSpaceSplit implements SplitRule {

    @Override
    public int end(byte[] text, int from, int limit) {
        int at = from;
        while (at < limit) {
            int spaces = CharacterTypes.runEndWithout(text, at, limit, CharacterTypes.SPACE);
            at = CharacterTypes.runEnd(text, spaces, limit, CharacterTypes.SPACE);
            if (at == limit && spaces > from) {
                return spaces;
            }
        }
        return limit;
    }
}
