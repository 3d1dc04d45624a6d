package dev.millrace.models.template;

import java.util.Arrays;
import java.util.stream.IntStream;

/** A template's characters with line ends as Jinja sees them, and the line of each character. */
final class Source {

    private final String text;
    private final int[] lineEnds;

    /** All line ends become {@code \n}; a single one at the end goes. */
    Source(String template) {
        String unified = template.replace("\r\n", "\n").replace('\r', '\n');
        text = unified.endsWith("\n") ? unified.substring(0, unified.length() - 1) : unified;
        lineEnds = IntStream.range(0, text.length()).filter(i -> text.charAt(i) == '\n').toArray();
    }

    String text() {
        return text;
    }

    /** The line of a position, from 1. */
    int line(int position) {
        int found = Arrays.binarySearch(lineEnds, position);
        return 1 + (found >= 0 ? found : -found - 1);
    }

    TemplateException error(int position, String message) {
        return new TemplateException("line " + line(position) + ": " + message);
    }
}
