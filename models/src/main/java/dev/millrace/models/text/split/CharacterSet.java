package dev.millrace.models.text.split;

/** A set of characters, told by their code points or their types. */
interface CharacterSet {

    boolean contains(int codePoint, int types);

    /** All characters of one of these types. */
    static CharacterSet ofTypes(int wanted) {
        return (codePoint, types) -> (types & wanted) != 0;
    }

    /** The characters of these ranges, each written as its first and last character. */
    static CharacterSet ofRanges(String firstsAndLasts) {
        int[] bounds = firstsAndLasts.codePoints().toArray();
        return (codePoint, types) -> {
            for (int i = 0; i < bounds.length; i += 2) {
                if (codePoint >= bounds[i] && codePoint <= bounds[i + 1]) {
                    return true;
                }
            }
            return false;
        };
    }

    /** What either set contains. */
    default CharacterSet or(CharacterSet other) {
        return (codePoint, types) -> contains(codePoint, types)
                || other.contains(codePoint, types);
    }
}
