package dev.millrace.models.template;

import dev.millrace.models.text.TextSpan;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * A template's string value: characters, which of them are trusted, and whether it is marked safe.
 *
 * <p>Two texts are equal when their characters are; trust never influences what a template does.
 */
final class Text {

    private static final int[] NO_FLIPS = {};

    static final Text EMPTY = trusted("");

    private final String value;

    /** Where trust changes to its opposite: ascending, inside the text. */
    private final int[] flips;
    private final boolean startsTrusted;

    /** Jinja's Markup: joining it to other text escapes the other text for HTML. */
    private final boolean markup;

    Text(String value, int[] flips, boolean startsTrusted, boolean markup) {
        this.value = value;
        this.flips = flips;
        this.startsTrusted = startsTrusted;
        this.markup = markup;
    }

    static Text trusted(String value) {
        return new Text(value, NO_FLIPS, true, false);
    }

    static Text untrusted(String value) {
        return new Text(value, NO_FLIPS, false, false);
    }

    static Text of(String value, boolean trusted) {
        return new Text(value, NO_FLIPS, trusted, false);
    }

    String value() {
        return value;
    }

    int[] flips() {
        return flips;
    }

    boolean startsTrusted() {
        return startsTrusted;
    }

    boolean endsTrusted() {
        return startsTrusted ^ (flips.length & 1) == 1;
    }

    boolean markup() {
        return markup;
    }

    boolean isEmpty() {
        return value.isEmpty();
    }

    int length() {
        return value.length();
    }

    /** Whether every character is trusted. */
    boolean trustedThroughout() {
        return value.isEmpty() || startsTrusted && flips.length == 0;
    }

    /** Other characters made from these: trusted only if all of these are. */
    Text changedTo(String changed) {
        return new Text(changed, NO_FLIPS, trustedThroughout(), markup);
    }

    Text withMarkup(boolean marked) {
        return marked == markup ? this : new Text(value, flips, startsTrusted, marked);
    }

    /** The characters from {@code from} up to {@code to}, in UTF-16 units, with their trust. */
    Text substring(int from, int to) {
        if (from == 0 && to == value.length()) {
            return this;
        }
        if (from >= to) {
            return EMPTY.withMarkup(markup);
        }
        int first = flipsUpTo(from);
        int last = Math.max(first, flipsUpTo(to - 1));
        int[] inside = first == last ? NO_FLIPS : new int[last - first];
        for (int i = 0; i < inside.length; i++) {
            inside[i] = flips[first + i] - from;
        }
        boolean trusted = startsTrusted ^ (first & 1) == 1;
        return new Text(value.substring(from, to), inside, trusted, markup);
    }

    /** How many flips lie at or before a position. */
    private int flipsUpTo(int position) {
        int found = Arrays.binarySearch(flips, position);
        return found >= 0 ? found + 1 : -found - 1;
    }

    Text substring(int from) {
        return substring(from, value.length());
    }

    /** Escaped for HTML and marked so; text that is marked already stays as it is. */
    Text escaped() {
        if (markup) {
            return this;
        }
        String safe = value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
                .replace("'", "&#39;").replace("\"", "&#34;");
        return (safe.length() == value.length() ? this : changedTo(safe)).withMarkup(true);
    }

    /** The text in runs of equal trust; none for the empty text. */
    List<TextSpan> spans() {
        List<TextSpan> spans = new ArrayList<>(flips.length + 1);
        int start = 0;
        boolean trusted = startsTrusted;
        for (int flip : flips) {
            spans.add(new TextSpan(value.substring(start, flip), trusted));
            trusted = !trusted;
            start = flip;
        }
        if (!value.isEmpty()) {
            spans.add(new TextSpan(value.substring(start), trusted));
        }
        return List.copyOf(spans);
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Text text && value.equals(text.value);
    }

    @Override
    public int hashCode() {
        return value.hashCode();
    }

    @Override
    public String toString() {
        return value;
    }
}
