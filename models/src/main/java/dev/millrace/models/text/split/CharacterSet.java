package dev.millrace.models.text.split;

import java.util.BitSet;

/** A set of characters, told by their code points or their types. */
interface CharacterSet {

    boolean contains(int codePoint, int types);

    /** All characters of one of these types. */
    static CharacterSet ofTypes(int wanted) {
        return (codePoint, types) -> (types & wanted) != 0;
    }

    /** The characters of these ranges, written as between the brackets of a pattern. */
    static CharacterSet ofRanges(String ranges) {
        int[] written = ranges.codePoints().toArray();
        BitSet characters = new BitSet();
        for (int i = 0; i < written.length; i++) {
            boolean range = i + 2 < written.length && written[i + 1] == '-';
            int first = written[i];
            i += range ? 2 : 0;
            characters.set(first, written[i] + 1);
        }
        return (codePoint, types) -> characters.get(codePoint);
    }

    /** These characters. */
    static CharacterSet ofCharacters(String characters) {
        return (codePoint, types) -> characters.indexOf(codePoint) >= 0;
    }

    /** What either set contains. */
    default CharacterSet or(CharacterSet other) {
        return (codePoint, types) -> contains(codePoint, types)
                || other.contains(codePoint, types);
    }
}
