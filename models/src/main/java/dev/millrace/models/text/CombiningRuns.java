package dev.millrace.models.text;

import java.text.Normalizer;
import java.text.Normalizer.Form;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * Puts long runs of combining marks into canonical order beforehand, since the JDK's normaliser
 * takes time quadratic in the length of such a run. The JDK does not tell combining classes, but
 * shows them: of two marks the later moves to the front if its class is lower and not zero.
 */
final class CombiningRuns {

    /** As long as runs are shorter, the JDK's own ordering is quick enough. */
    private static final int LONG_RUN = 256;
    /** Of the lowest class but zero, and of the highest. */
    private static final int LOWEST = 0x334;
    private static final int HIGHEST = 0x345;

    private CombiningRuns() {}

    /** A text that is canonically equivalent, in which long runs of marks are in order. */
    static String order(String text) {
        StringBuilder ordered = new StringBuilder();
        int copied = 0;
        for (int at = 0; at < text.length();) {
            int start = at;
            while (at < text.length() && isMark(text.codePointAt(at))) {
                at += Character.charCount(text.codePointAt(at));
            }
            if (at - start > LONG_RUN) {
                ordered.append(text, copied, start).append(orderMarks(text.substring(start, at)));
                copied = at;
            }
            at += at == start ? Character.charCount(text.codePointAt(at)) : 0;
        }
        return copied == 0 ? text : ordered.append(text, copied, text.length()).toString();
    }

    private static boolean isMark(int codePoint) {
        int type = Character.getType(codePoint);
        return type == Character.NON_SPACING_MARK || type == Character.ENCLOSING_MARK
                || type == Character.COMBINING_SPACING_MARK;
    }

    /** Decomposes marks in short pieces, and sorts what lies between marks of class zero. */
    private static String orderMarks(String text) {
        int[] characters = text.codePoints().toArray();
        StringBuilder decomposed = new StringBuilder();
        for (int from = 0; from < characters.length; from += LONG_RUN) {
            decomposed.append(Normalizer.normalize(new String(characters, from,
                    Math.min(LONG_RUN, characters.length - from)), Form.NFD));
        }
        int[] marks = decomposed.codePoints().toArray();
        Map<Integer, Integer> ranks = ranks(IntStream.of(marks).distinct().boxed().toList());
        for (int from = 0; from < marks.length;) {
            int to = from;
            while (to < marks.length && ranks.containsKey(marks[to])) {
                to++;
            }
            sort(marks, from, to, ranks);
            from = to + 1;
        }
        return new String(marks, 0, marks.length);
    }

    /** The order of classes among these marks; those of class zero are left out. */
    private static Map<Integer, Integer> ranks(List<Integer> distinct) {
        Comparator<Integer> byClass = (a, b) -> passes(a, b) ? -1 : passes(b, a) ? 1 : 0;
        Map<Integer, Integer> ranks = new HashMap<>();
        int rank = 0;
        int before = -1;
        for (int mark : distinct.stream()
                .filter(mark -> passes(mark, HIGHEST) || passes(LOWEST, mark)).sorted(byClass)
                .toList()) {
            rank += before >= 0 && passes(before, mark) ? 1 : 0;
            ranks.put(mark, rank);
            before = mark;
        }
        return ranks;
    }

    /** A stable counting sort. */
    private static void sort(int[] marks, int from, int to, Map<Integer, Integer> ranks) {
        int[] place = new int[ranks.size() + 1];
        for (int i = from; i < to; i++) {
            place[ranks.get(marks[i]) + 1]++;
        }
        for (int rank = 0; rank + 1 < place.length; rank++) {
            place[rank + 1] += place[rank];
        }
        int[] sorted = new int[to - from];
        for (int i = from; i < to; i++) {
            sorted[place[ranks.get(marks[i])]++] = marks[i];
        }
        System.arraycopy(sorted, 0, marks, from, sorted.length);
    }

    /** Whether canonical ordering moves the later of two marks before the earlier. */
    private static boolean passes(int later, int earlier) {
        String pair = new StringBuilder().appendCodePoint(earlier).appendCodePoint(later)
                .toString();
        return earlier != later && Normalizer.normalize(pair, Form.NFD).codePointAt(0) == later;
    }
}
