package dev.millrace.server.cli;

import java.io.PrintStream;
import java.util.ArrayList;
import java.util.List;

/** Columns of text, each as wide as its widest cell. */
public final class TextTable {

    private static final String GAP = "  ";

    private final List<String[]> rows = new ArrayList<>();
    private final int[] widths;

    public TextTable(String... headings) {
        widths = new int[headings.length];
        row(headings);
    }

    /** Adds a row of as many cells as there are headings. */
    public TextTable row(String... cells) {
        if (cells.length != widths.length) {
            throw new IllegalArgumentException("the table has " + widths.length
                    + " columns, got " + cells.length + " cells");
        }
        for (int i = 0; i < cells.length; i++) {
            widths[i] = Math.max(widths[i], cells[i].length());
        }
        rows.add(cells);
        return this;
    }

    /** Prints the headings and all rows. */
    public void print(PrintStream out) {
        for (String[] cells : rows) {
            StringBuilder line = new StringBuilder();
            for (int i = 0; i < cells.length; i++) {
                line.append(cells[i]);
                if (i < cells.length - 1) {
                    line.repeat(' ', widths[i] - cells[i].length()).append(GAP);
                }
            }
            out.println(line);
        }
    }
}
