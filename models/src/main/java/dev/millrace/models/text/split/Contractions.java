package dev.millrace.models.text.split;

/** English endings after an apostrophe: 's 't 're 've 'm 'll 'd. */
enum Contractions {

    /** As written. */
    LOWER_CASE,
    /** Where case does not matter, and the long s (U+017F) is an s. */
    ANY_CASE,
    /** The letters of ASCII in either case. */
    ASCII_CASE;

    private static final int LONG_S_FIRST_BYTE = 0xc5;
    private static final int LONG_S_SECOND_BYTE = 0xbf;

    /** Where the ending that begins at this position ends, or -1 if none does. */
    int end(byte[] text, int at, int limit) {
        if (text[at] != '\'' || at + 1 >= limit) {
            return -1;
        }
        int first = letter(text, at + 1);
        if (first == 's' || first == 't' || first == 'm' || first == 'd') {
            return at + 2;
        }
        if (at + 2 < limit) {
            int second = letter(text, at + 2);
            if (first == 'r' && second == 'e' || first == 'v' && second == 'e'
                    || first == 'l' && second == 'l') {
                return at + 3;
            }
            boolean longS = (text[at + 1] & 0xff) == LONG_S_FIRST_BYTE
                    && (text[at + 2] & 0xff) == LONG_S_SECOND_BYTE;
            if (this == ANY_CASE && longS) {
                return at + 3;
            }
        }
        return -1;
    }

    private int letter(byte[] text, int at) {
        int letter = text[at];
        return this != LOWER_CASE && letter >= 'A' && letter <= 'Z'
                ? letter | 0x20
                : letter;
    }
}
