package dev.millrace.bench.report;

import java.util.Arrays;
import java.util.Locale;

/** The median of several measurements, with the range they spread over. */
public record Spread(double median, double least, double most) {

    /** @throws IllegalArgumentException if there is nothing to summarise */
    public static Spread of(double... measurements) {
        if (measurements.length == 0) {
            throw new IllegalArgumentException("a spread needs at least one measurement");
        }
        double[] sorted = measurements.clone();
        Arrays.sort(sorted);
        int middle = sorted.length / 2;
        double median = sorted.length % 2 == 1
                ? sorted[middle]
                : (sorted[middle - 1] + sorted[middle]) / 2;
        return new Spread(median, sorted[0], sorted[sorted.length - 1]);
    }

    @Override
    public String toString() {
        return String.format(Locale.ROOT, "%.2f [%.2f .. %.2f]", median, least, most);
    }
}
