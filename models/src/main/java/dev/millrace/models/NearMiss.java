package dev.millrace.models;

import java.util.Collection;
import java.util.Comparator;
import java.util.Locale;
import java.util.Optional;

/** Finds what a user probably meant, for the messages that refuse an unknown name. */
public final class NearMiss {

    /** A name this many edits away, per three letters of it, is still a likely slip. */
    private static final int LETTERS_PER_EDIT = 3;

    private NearMiss() {}

    /** The closest of the known names, if one is close enough to be a slip of the finger. */
    public static Optional<String> of(String name, Collection<String> known) {
        int allowedEdits = Math.max(1, name.length() / LETTERS_PER_EDIT);
        return known.stream()
                .filter(candidate -> edits(name, candidate) <= allowedEdits)
                .min(Comparator.comparingInt(candidate -> edits(name, candidate)));
    }

    /** Either {@code ; did you mean "x"?} or nothing: to append to a message. */
    public static String hint(String name, Collection<String> known) {
        return of(name, known).map(near -> "; did you mean \"" + near + "\"?").orElse("");
    }

    /** Levenshtein distance without regard to case, in two rows. */
    private static int edits(String left, String right) {
        String from = left.toLowerCase(Locale.ROOT);
        String to = right.toLowerCase(Locale.ROOT);
        int[] previous = new int[to.length() + 1];
        int[] current = new int[to.length() + 1];
        for (int column = 0; column <= to.length(); column++) {
            previous[column] = column;
        }
        for (int row = 1; row <= from.length(); row++) {
            current[0] = row;
            for (int column = 1; column <= to.length(); column++) {
                int replaced = previous[column - 1]
                        + (from.charAt(row - 1) == to.charAt(column - 1) ? 0 : 1);
                int insertedOrDeleted = Math.min(previous[column], current[column - 1]) + 1;
                current[column] = Math.min(replaced, insertedOrDeleted);
            }
            int[] swap = previous;
            previous = current;
            current = swap;
        }
        return previous[to.length()];
    }
}
