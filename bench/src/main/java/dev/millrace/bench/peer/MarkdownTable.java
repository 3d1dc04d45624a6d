package dev.millrace.bench.peer;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;

/** Reads the rows of tables such as {@code | a | b |}, wherever they are in a text. */
final class MarkdownTable {

    private static final Pattern RULE = Pattern.compile("[|\\-:\\s]+");

    private MarkdownTable() {}

    /** Every row of every table, as cells by the title of their column. */
    static List<Map<String, String>> rows(String text) {
        List<Map<String, String>> rows = new ArrayList<>();
        List<String> titles = null;
        for (String line : text.lines().map(String::strip).toList()) {
            if (!line.startsWith("|")) {
                titles = null;
            } else if (titles == null) {
                titles = cells(line);
            } else if (!RULE.matcher(line).matches()) {
                rows.add(row(titles, cells(line)));
            }
        }
        return rows;
    }

    private static Map<String, String> row(List<String> titles, List<String> cells) {
        Map<String, String> row = new LinkedHashMap<>();
        for (int i = 0; i < Math.min(titles.size(), cells.size()); i++) {
            row.put(titles.get(i), cells.get(i));
        }
        return row;
    }

    private static List<String> cells(String line) {
        String inner = line.substring(1, line.endsWith("|") && line.length() > 1
                ? line.length() - 1
                : line.length());
        return Arrays.stream(inner.split("\\|", -1)).map(String::strip).toList();
    }
}
