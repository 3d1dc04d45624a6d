package dev.millrace.models;

import java.util.Collection;
import java.util.Comparator;
import java.util.List;

/** Names that a mistyped one may have meant, by edit distance (Levenshtein 1966). */
public final class NearMisses {

    private static final int MAX_NAMES = 3;
    private static final int MAX_CHARACTERS = 128;

    private record Candidate(String name, int distance) {}

    private NearMisses() {}

    /** At most three names, nearest first; none that share less than half of their letters. */
    private static List<String> of(String wanted, Collection<String> names) {
        if (wanted.length() > MAX_CHARACTERS) {
            return List.of();
        }
        return names.stream().map(name -> new Candidate(name, distance(wanted, name)))
                .filter(candidate -> candidate.distance <= wanted.length() / 2)
                .sorted(Comparator.comparingInt(Candidate::distance)).limit(MAX_NAMES)
                .map(Candidate::name).toList();
    }

    /** Either {@code ; did you mean "x"?} or nothing: to append to a message. */
    public static String hint(String wanted, Collection<String> names) {
        List<String> near = of(wanted, names);
        return near.isEmpty() ? "" : "; did you mean \"" + String.join("\" or \"", near) + "\"?";
    }

    /** Letters to insert, delete or replace to get from one to the other. */
    private static int distance(String a, String b) {
        int[] row = new int[b.length() + 1];
        for (int j = 0; j <= b.length(); j++) {
            row[j] = j;
        }
        for (int i = 1; i <= a.length(); i++) {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= b.length(); j++) {
                int replaced = diagonal + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.min(replaced, 1 + Math.min(row[j], row[j - 1]));
            }
        }
        return row[b.length()];
    }
}
