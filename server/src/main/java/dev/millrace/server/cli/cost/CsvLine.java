package dev.millrace.server.cli.cost;

import java.util.StringJoiner;

/** A line of comma-separated values (RFC 4180). */
final class CsvLine {

    private CsvLine() {}

    /**
     * Joins values; null is empty. Text that a spreadsheet would take for a formula gets an
     * apostrophe, since clients choose some of it.
     */
    static String of(Object... values) {
        StringJoiner line = new StringJoiner(",");
        for (Object value : values) {
            line.add(value == null
                    ? ""
                    : value instanceof String text
                            ? field(text)
                            : value.toString());
        }
        return line.toString();
    }

    private static String field(String text) {
        String safe = !text.isEmpty() && "=+-@\t\r".indexOf(text.charAt(0)) >= 0
                ? "'" + text
                : text;
        return safe.matches("[^\",\\r\\n]*") ? safe : '"' + safe.replace("\"", "\"\"") + '"';
    }
}
