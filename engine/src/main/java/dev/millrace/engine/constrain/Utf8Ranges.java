package dev.millrace.engine.constrain;

/** Spells ranges of characters as ranges of UTF-8 bytes. */
final class Utf8Ranges {

    /** The last character of each encoded length, from one byte to four. */
    private static final int[] LAST = {0x7F, 0x7FF, 0xFFFF, 0x10FFFF};
    private static final int[] LEAD = {0, 0xC0, 0xE0, 0xF0};

    private final Nfa nfa;
    private final int to;
    /** States from which so many bytes of any continuation lead to {@code to}; shared. */
    private final int[] tails;

    private Utf8Ranges(Nfa nfa, int to) {
        this.nfa = nfa;
        this.to = to;
        tails = new int[]{to, -1, -1, -1};
    }

    /** Adds edges by which one character of a set leads from one state to another. */
    static void add(Nfa nfa, CodePoints set, int from, int to) {
        Utf8Ranges ranges = new Utf8Ranges(nfa, to);
        for (int range = 0; range < set.ranges(); range++) {
            ranges.addRange(from, set.first(range), set.last(range));
        }
    }

    private void addRange(int from, int first, int last) {
        int begin = first;
        for (int length = 1; length <= 4 && begin <= last; length++) {
            int end = Math.min(last, LAST[length - 1]);
            if (begin <= end) {
                addBytes(from, begin, end, length - 1, LEAD[length - 1]);
                begin = end + 1;
            }
        }
    }

    /**
     * Adds the bytes of neighbours with encodings of the same length, of which {@code following}
     * bytes follow the next one.
     *
     * @param mark what the next byte's payload is combined with
     */
    private void addBytes(int from, int first, int last, int following, int mark) {
        if (following == 0) {
            nfa.addBytes(from, mark | first, mark | last, to);
            return;
        }
        int shift = 6 * following;
        int rest = (1 << shift) - 1;
        int firstHigh = first >> shift;
        int lastHigh = last >> shift;
        int wholeFirst = (first & rest) == 0 ? firstHigh : firstHigh + 1;
        int wholeLast = (last & rest) == rest ? lastHigh : lastHigh - 1;
        if (wholeFirst <= wholeLast) {
            nfa.addBytes(from, mark | wholeFirst, mark | wholeLast, tail(following));
        }
        if (firstHigh == lastHigh && wholeFirst > wholeLast) {
            addPart(from, mark | firstHigh, first & rest, last & rest, following);
            return;
        }
        if (firstHigh < wholeFirst) {
            addPart(from, mark | firstHigh, first & rest, rest, following);
        }
        if (lastHigh > wholeLast && lastHigh > firstHigh) {
            addPart(from, mark | lastHigh, 0, last & rest, following);
        }
    }

    private void addPart(int from, int value, int first, int last, int following) {
        int next = nfa.addState();
        nfa.addBytes(from, value, value, next);
        addBytes(next, first, last, following - 1, 0x80);
    }

    private int tail(int following) {
        if (tails[following] < 0) {
            int next = tail(following - 1);
            tails[following] = nfa.addState();
            nfa.addBytes(tails[following], 0x80, 0xBF, next);
        }
        return tails[following];
    }
}
