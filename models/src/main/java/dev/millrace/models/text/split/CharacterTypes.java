package dev.millrace.models.text.split;

import dev.millrace.models.text.Utf8;
import java.util.Arrays;

/**
 * What the split rules ask of a character, as a set of bits. Categories are those of the JDK
 * (Unicode 16 in JDK 25); characters assigned later are of no type, as unassigned ones are.
 */
public final class CharacterTypes {

    /** Upper and title case letters. */
    static final int UPPER = 1;
    static final int LOWER = 2;
    /** Letters without case, and modifiers. */
    static final int OTHER_LETTER = 4;
    public static final int LETTER = UPPER | LOWER | OTHER_LETTER;
    public static final int MARK = 8;
    public static final int NUMBER = 16;
    /** Unicode's White_Space, line ends included. */
    public static final int SPACE = 32;
    /** Carriage return and line feed. */
    static final int NEWLINE = 64;
    public static final int PUNCTUATION = 128;
    static final int SYMBOL = 256;
    /** Decimal digits (Nd). */
    static final int DIGIT = 512;

    private static final int PAGE_BITS = 8;
    private static final int PAGE_SIZE = 1 << PAGE_BITS;
    private static final int PAGES = Character.MAX_CODE_POINT + 1 >>> PAGE_BITS;
    private static final short[] ASCII = new short[128];
    /** Equal pages are one: most of the planes beyond the first are alike. */
    private static final short[][] PAGE = pages();

    private CharacterTypes() {}

    private static short[][] pages() {
        short[][] pages = new short[PAGES][];
        for (int page = 0; page < PAGES; page++) {
            short[] types = new short[PAGE_SIZE];
            for (int i = 0; i < PAGE_SIZE; i++) {
                types[i] = (short) compute(page << PAGE_BITS | i);
            }
            pages[page] = page > 0 && Arrays.equals(pages[page - 1], types)
                    ? pages[page - 1]
                    : types;
        }
        System.arraycopy(pages[0], 0, ASCII, 0, ASCII.length);
        return pages;
    }

    private static int compute(int codePoint) {
        if (isSpace(codePoint)) {
            return codePoint == '\r' || codePoint == '\n' ? SPACE | NEWLINE : SPACE;
        }
        return switch (Character.getType(codePoint)) {
            case Character.UPPERCASE_LETTER, Character.TITLECASE_LETTER -> UPPER;
            case Character.LOWERCASE_LETTER -> LOWER;
            case Character.MODIFIER_LETTER, Character.OTHER_LETTER -> OTHER_LETTER;
            case Character.NON_SPACING_MARK, Character.ENCLOSING_MARK,
                    Character.COMBINING_SPACING_MARK ->
                MARK;
            case Character.DECIMAL_DIGIT_NUMBER -> NUMBER | DIGIT;
            case Character.LETTER_NUMBER, Character.OTHER_NUMBER -> NUMBER;
            case Character.CONNECTOR_PUNCTUATION, Character.DASH_PUNCTUATION,
                    Character.START_PUNCTUATION, Character.END_PUNCTUATION,
                    Character.INITIAL_QUOTE_PUNCTUATION, Character.FINAL_QUOTE_PUNCTUATION,
                    Character.OTHER_PUNCTUATION ->
                PUNCTUATION;
            case Character.MATH_SYMBOL, Character.CURRENCY_SYMBOL, Character.MODIFIER_SYMBOL,
                    Character.OTHER_SYMBOL ->
                SYMBOL;
            default -> 0;
        };
    }

    private static boolean isSpace(int codePoint) {
        return codePoint >= '\t' && codePoint <= '\r' || codePoint == 0x85
                || Character.isSpaceChar(codePoint);
    }

    /** The types of a character. */
    public static int of(int codePoint) {
        return PAGE[codePoint >>> PAGE_BITS][codePoint & PAGE_SIZE - 1];
    }

    /** The types of the character that begins here in well-formed UTF-8. */
    public static int at(byte[] text, int at) {
        byte first = text[at];
        return first >= 0 ? ASCII[first] : of(Utf8.codePoint(text, at));
    }

    /** Where the run of characters of one of these types ends. */
    static int runEnd(byte[] text, int from, int limit, int types) {
        int at = from;
        while (at < limit && (at(text, at) & types) != 0) {
            at += Utf8.length(text[at]);
        }
        return at;
    }

    /** Where the run of characters of none of these types ends. */
    static int runEndWithout(byte[] text, int from, int limit, int types) {
        int at = from;
        while (at < limit && (at(text, at) & types) == 0) {
            at += Utf8.length(text[at]);
        }
        return at;
    }
}
