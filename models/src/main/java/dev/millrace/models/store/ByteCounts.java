package dev.millrace.models.store;

import java.util.Locale;

/** Writes byte counts for people. */
public final class ByteCounts {

    private static final String[] UNITS = {"kB", "MB", "GB", "TB"};

    private ByteCounts() {}

    /** In decimal units with three significant digits or more: {@code 323 MB}, {@code 4.37 GB}. */
    public static String text(long bytes) {
        if (bytes < 1000) {
            return bytes + " B";
        }
        double value = bytes / 1000.0;
        int unit = 0;
        while (value >= 999.5 && unit < UNITS.length - 1) {
            value /= 1000;
            unit++;
        }
        String format = value < 9.995 ? "%.2f %s" : value < 99.95 ? "%.1f %s" : "%.0f %s";
        return String.format(Locale.ROOT, format, value, UNITS[unit]);
    }
}
