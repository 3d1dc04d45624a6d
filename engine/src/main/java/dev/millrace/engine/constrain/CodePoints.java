package dev.millrace.engine.constrain;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.IntPredicate;

/** A set of Unicode characters; surrogates, which no text in UTF-8 holds, are never in it. */
public final class CodePoints {

    private static final int FIRST_SURROGATE = 0xD800;
    private static final int LAST_SURROGATE = 0xDFFF;

    /** Every character. */
    public static final CodePoints ALL = range(0, Character.MAX_CODE_POINT);
    /** No character. */
    public static final CodePoints NONE = new CodePoints(new int[0]);

    private final int[] bounds; // ascending: first, last, first, last, ...; never adjacent

    private CodePoints(int[] bounds) {
        this.bounds = bounds;
    }

    /** The characters from {@code first} to {@code last}, both included. */
    public static CodePoints range(int first, int last) {
        return normal(List.of(new int[]{first, last}));
    }

    /** These characters. */
    public static CodePoints of(int... characters) {
        List<int[]> ranges = new ArrayList<>();
        for (int character : characters) {
            ranges.add(new int[]{character, character});
        }
        return normal(ranges);
    }

    /** Every character that has a property. */
    public static CodePoints where(IntPredicate property) {
        List<int[]> ranges = new ArrayList<>();
        for (int character = 0; character <= Character.MAX_CODE_POINT; character++) {
            if (property.test(character)) {
                int first = character;
                while (character < Character.MAX_CODE_POINT && property.test(character + 1)) {
                    character++;
                }
                ranges.add(new int[]{first, character});
            }
        }
        return normal(ranges);
    }

    /** Sorts and joins ranges, and takes surrogates out. */
    private static CodePoints normal(List<int[]> ranges) {
        List<int[]> split = new ArrayList<>();
        for (int[] range : ranges) {
            add(split, range[0], Math.min(range[1], FIRST_SURROGATE - 1));
            add(split, Math.max(range[0], LAST_SURROGATE + 1), range[1]);
        }
        split.sort((a, b) -> Integer.compare(a[0], b[0]));
        int[] bounds = new int[2 * split.size()];
        int length = 0;
        for (int[] range : split) {
            if (length > 0 && range[0] <= bounds[length - 1] + 1) {
                bounds[length - 1] = Math.max(bounds[length - 1], range[1]);
            } else {
                bounds[length++] = range[0];
                bounds[length++] = range[1];
            }
        }
        return new CodePoints(Arrays.copyOf(bounds, length));
    }

    private static void add(List<int[]> ranges, int first, int last) {
        if (first <= last) {
            ranges.add(new int[]{first, last});
        }
    }

    private void addTo(List<int[]> ranges) {
        for (int i = 0; i < bounds.length; i += 2) {
            ranges.add(new int[]{bounds[i], bounds[i + 1]});
        }
    }

    /** The characters of both. */
    public CodePoints or(CodePoints other) {
        List<int[]> ranges = new ArrayList<>();
        addTo(ranges);
        other.addTo(ranges);
        return normal(ranges);
    }

    /** The characters of all these sets. */
    public static CodePoints anyOf(List<CodePoints> sets) {
        List<int[]> ranges = new ArrayList<>();
        sets.forEach(set -> set.addTo(ranges));
        return normal(ranges);
    }

    /** All other characters. */
    public CodePoints complement() {
        List<int[]> ranges = new ArrayList<>();
        int next = 0;
        for (int i = 0; i < bounds.length; i += 2) {
            add(ranges, next, bounds[i] - 1);
            next = bounds[i + 1] + 1;
        }
        add(ranges, next, Character.MAX_CODE_POINT);
        return normal(ranges);
    }

    /** The characters that are in both. */
    public CodePoints and(CodePoints other) {
        return complement().or(other.complement()).complement();
    }

    /** The characters that are not in {@code other}. */
    public CodePoints without(CodePoints other) {
        return and(other.complement());
    }

    public boolean contains(int character) {
        int place = Arrays.binarySearch(bounds, character);
        return place >= 0 || (-place - 1) % 2 == 1;
    }

    public boolean isEmpty() {
        return bounds.length == 0;
    }

    /** How many runs of neighbouring characters it has. */
    public int ranges() {
        return bounds.length / 2;
    }

    int first(int range) {
        return bounds[2 * range];
    }

    int last(int range) {
        return bounds[2 * range + 1];
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof CodePoints set && Arrays.equals(bounds, set.bounds);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(bounds);
    }
}
