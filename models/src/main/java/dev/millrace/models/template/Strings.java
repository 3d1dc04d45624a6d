package dev.millrace.models.template;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Python's str operations on {@link Text}, which keep the trust of every character they keep. */
final class Strings {

    private Strings() {}

    /** What Python's str.isspace() holds for white space. */
    static boolean isSpace(int c) {
        return c == ' ' || c >= '\t' && c <= '\r' || c >= 0x1c && c <= 0x1f || c == 0x85
                || c == 0xa0
                || c > 0xff && (Character.isWhitespace(c) || Character.isSpaceChar(c));
    }

    /** @param characters what to strip, or null for white space */
    static Text strip(Text text, Text characters, boolean left, boolean right) {
        String value = text.value();
        String set = characters == null ? null : characters.value();
        int from = 0;
        int to = value.length();
        while (left && from < to && isStripped(value.codePointAt(from), set)) {
            from = value.offsetByCodePoints(from, 1);
        }
        while (right && to > from && isStripped(value.codePointBefore(to), set)) {
            to = value.offsetByCodePoints(to, -1);
        }
        return text.substring(from, to);
    }

    private static boolean isStripped(int c, String set) {
        return set == null ? isSpace(c) : set.indexOf(c) >= 0;
    }

    /** @param limit the most cuts to make, or a negative number for all */
    static List<Object> split(Text text, Text separator, long limit, Rendering rendering) {
        rendering.chargeSearch(text.value(), required(separator).value());
        rendering.chargeText(text.length());
        List<Object> parts = new ArrayList<>();
        int start = 0;
        int found = text.value().indexOf(separator.value());
        while (found >= 0 && (limit < 0 || parts.size() < limit)) {
            parts.add(text.substring(start, found));
            start = found + separator.length();
            found = text.value().indexOf(separator.value(), start);
        }
        parts.add(text.substring(start));
        rendering.chargeItems(parts.size());
        return parts;
    }

    /** Like {@link #split}, cutting from the end. */
    static List<Object> splitFromEnd(Text text, Text separator, long limit, Rendering rendering) {
        rendering.chargeSearch(text.value(), required(separator).value());
        rendering.chargeText(text.length());
        List<Object> parts = new ArrayList<>();
        int end = text.length();
        int found = text.value().lastIndexOf(separator.value());
        while (found >= 0 && (limit < 0 || parts.size() < limit)) {
            parts.add(text.substring(found + separator.length(), end));
            end = found;
            found = end < separator.length()
                    ? -1
                    : text.value().lastIndexOf(separator.value(), end - separator.length());
        }
        parts.add(text.substring(0, end));
        rendering.chargeItems(parts.size());
        return parts.reversed();
    }

    /** Splits at runs of white space; a limit leaves the rest with the white space at its end. */
    static List<Object> words(Text text, long limit, Rendering rendering) {
        rendering.chargeText(text.length());
        List<Object> words = new ArrayList<>();
        String value = text.value();
        int start = skip(value, 0, true);
        while (start < value.length()) {
            if (limit >= 0 && words.size() >= limit) {
                words.add(text.substring(start));
                break;
            }
            int end = skip(value, start, false);
            words.add(text.substring(start, end));
            start = skip(value, end, true);
        }
        rendering.chargeItems(words.size());
        return words;
    }

    /** The end of the run of white space, or of anything else, at {@code start}. */
    private static int skip(String value, int start, boolean space) {
        int position = start;
        while (position < value.length() && isSpace(value.charAt(position)) == space) {
            position++;
        }
        return position;
    }

    /** Splits after the line ends that Python knows; they stay out unless {@code keepEnds}. */
    static List<Object> lines(Text text, boolean keepEnds, Rendering rendering) {
        rendering.chargeText(text.length());
        List<Object> lines = new ArrayList<>();
        String value = text.value();
        int start = 0;
        for (int i = 0; i < value.length(); i++) {
            if (isLineEnd(value.charAt(i))) {
                boolean pair = value.startsWith("\r\n", i);
                int next = pair ? i + 2 : i + 1;
                lines.add(text.substring(start, keepEnds ? next : i));
                start = next;
                i = next - 1;
            }
        }
        if (start < value.length()) {
            lines.add(text.substring(start));
        }
        rendering.chargeItems(lines.size());
        return lines;
    }

    private static boolean isLineEnd(char c) {
        return c >= '\n' && c <= '\r' || c >= 0x1c && c <= 0x1e || c == 0x85 || c == 0x2028
                || c == 0x2029;
    }

    /** Joins texts; anything else among the items is an error. */
    static Text join(Text separator, List<?> items, Rendering rendering) {
        TextBuilder builder = new TextBuilder(rendering);
        int index = 0;
        for (Object item : items) {
            if (!(item instanceof Text text)) {
                throw new EvaluationException("sequence item " + index + ": expected str instance, "
                        + Values.typeName(item) + " found");
            }
            builder.append(index++ > 0 ? separator : Text.EMPTY)
                    .append(separator.markup() ? text.escaped() : text);
        }
        return builder.toText().withMarkup(separator.markup());
    }

    /** @param limit the most replacements to make, or a negative number for all */
    static Text replace(Text text, Text old, Text fresh, long limit, Rendering rendering) {
        rendering.chargeSearch(text.value(), old.value());
        Text inserted = text.markup() ? fresh.escaped() : fresh;
        TextBuilder builder = new TextBuilder(rendering);
        String value = text.value();
        int copied = 0;
        long replaced = 0;
        int found = value.indexOf(old.value());
        while (found >= 0 && (limit < 0 || replaced < limit)) {
            builder.append(text.substring(copied, found)).append(inserted);
            replaced++;
            copied = found + old.length();
            if (found == value.length()) {
                break;
            }
            int from = old.isEmpty() ? value.offsetByCodePoints(found, 1) : copied;
            found = value.indexOf(old.value(), from);
        }
        return builder.append(text.substring(copied)).toText().withMarkup(text.markup());
    }

    /** Python's str.capitalize(). */
    static Text capitalize(Text text) {
        String value = text.value();
        if (value.isEmpty()) {
            return text;
        }
        int first = value.offsetByCodePoints(0, 1);
        return text.changedTo(titleCase(value.codePointAt(0)) + lower(value.substring(first)));
    }

    /** Python's str.title(): a letter after anything that has no case is upper case. */
    static Text title(Text text) {
        StringBuilder title = new StringBuilder();
        boolean inWord = false;
        int[] points = text.value().codePoints().toArray();
        for (int c : points) {
            title.append(inWord ? lower(Character.toString(c)) : titleCase(c));
            inWord = isCased(c);
        }
        return text.changedTo(title.toString());
    }

    static String upper(String value) {
        return value.toUpperCase(Locale.ROOT);
    }

    static String lower(String value) {
        return value.toLowerCase(Locale.ROOT);
    }

    private static String titleCase(int c) {
        int title = Character.toTitleCase(c);
        return title == c ? upper(Character.toString(c)) : Character.toString(title);
    }

    static boolean isCased(int c) {
        return Character.isUpperCase(c) || Character.isLowerCase(c) || Character.isTitleCase(c);
    }

    private static Text required(Text separator) {
        if (separator.isEmpty()) {
            throw new EvaluationException("empty separator");
        }
        return separator;
    }
}
