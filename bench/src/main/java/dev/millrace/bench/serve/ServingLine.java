package dev.millrace.bench.serve;

import java.util.Locale;

/** A result as a line of text. */
final class ServingLine {

    static final String HEADER = String.format(Locale.ROOT, "  %-22s %-14s %8s %9s  %-20s %-18s %s",
            "workload", "server", "tok/s", "goodput/s", "first ms p50/95/99", "gap ms p50/95/99",
            "end ms p50/95/99");

    private ServingLine() {}

    static String of(String workload, String server, LoadResult result) {
        String cost = Double.isNaN(result.costUsd())
                ? ""
                : String.format(Locale.ROOT, "  $%.2f/M", result.usdPerMillion());
        String cached = result.cached() == 0
                ? ""
                : String.format(Locale.ROOT, "  %.0f %% cached", 100 * result.cached());
        return String.format(Locale.ROOT, "  %-22s %-14s %8.1f %9.2f  %-20s %-18s %s%s%s",
                workload, server, result.tokensPerSecond(), result.goodput(), result.first(),
                result.gap(), result.end(), cost, cached);
    }
}
