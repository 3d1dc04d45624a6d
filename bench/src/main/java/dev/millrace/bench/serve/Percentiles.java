package dev.millrace.bench.serve;

import java.util.Arrays;
import java.util.Locale;

/** The middle and the upper end of many measurements, each of which occurred. */
record Percentiles(double p50, double p95, double p99, double most) {

    /** All NaN for no measurements. */
    static Percentiles of(double... values) {
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        return new Percentiles(at(sorted, 0.5), at(sorted, 0.95), at(sorted, 0.99),
                at(sorted, 1));
    }

    /** The least value that so large a share of all does not exceed. */
    private static double at(double[] sorted, double share) {
        return sorted.length == 0
                ? Double.NaN
                : sorted[Math.max(0, (int) Math.ceil(share * sorted.length) - 1)];
    }

    @Override
    public String toString() {
        return String.format(Locale.ROOT, "%.0f / %.0f / %.0f", p50, p95, p99);
    }
}
