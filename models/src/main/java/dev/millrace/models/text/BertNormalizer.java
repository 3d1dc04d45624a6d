package dev.millrace.models.text;

import dev.millrace.models.text.split.CharacterTypes;
import java.nio.charset.StandardCharsets;
import java.text.Normalizer;

/**
 * What BERT does to a text before it is cut.
 *
 * @param cleans       leaves control characters out and makes white space blanks
 * @param setsApart    puts blanks around Chinese characters
 * @param stripsAccents leaves out combining marks (Mn) after decomposing
 * @param lowercases   writes lower case
 */
public record BertNormalizer(boolean cleans, boolean setsApart, boolean stripsAccents,
        boolean lowercases) implements TextNormalizer {

    @Override
    public byte[] apply(byte[] text, boolean atStart) {
        String result = cleaned(new String(text, StandardCharsets.UTF_8));
        if (stripsAccents) {
            StringBuilder bare = new StringBuilder();
            Normalizer.normalize(CombiningRuns.order(result), Normalizer.Form.NFD).codePoints()
                    .filter(character -> Character.getType(
                            character) != Character.NON_SPACING_MARK)
                    .forEach(bare::appendCodePoint);
            result = bare.toString();
        }
        return Utf8.encode(lowercases ? TextNormalizers.lowercase(result) : result);
    }

    private String cleaned(String text) {
        StringBuilder cleaned = new StringBuilder(text.length());
        text.codePoints().forEach(character -> {
            boolean space = (CharacterTypes.of(character) & CharacterTypes.SPACE) != 0;
            if (cleans && isControl(character)) {
                return;
            }
            if (setsApart && isChinese(character)) {
                cleaned.append(' ').appendCodePoint(character).append(' ');
            } else {
                cleaned.appendCodePoint(cleans && space ? ' ' : character);
            }
        });
        return cleaned.toString();
    }

    private static boolean isControl(int character) {
        if (character == '\t' || character == '\n' || character == '\r') {
            return false;
        }
        return character == 0 || character == 0xfffd || switch (Character.getType(character)) {
            case Character.CONTROL, Character.FORMAT, Character.PRIVATE_USE,
                    Character.SURROGATE ->
                true;
            default -> false;
        };
    }

    /** The blocks as BERT's authors listed them, one of them from a wrong character on. */
    private static boolean isChinese(int character) {
        return character >= 0x4e00 && character <= 0x9fff
                || character >= 0x3400 && character <= 0x4dbf
                || character >= 0x20000 && character <= 0x2a6df
                || character >= 0x2a700 && character <= 0x2b73f
                || character >= 0x2b740 && character <= 0x2b81f
                || character >= 0x2b920 && character <= 0x2ceaf
                || character >= 0xf900 && character <= 0xfaff
                || character >= 0x2f800 && character <= 0x2fa1f;
    }
}
