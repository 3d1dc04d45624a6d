package dev.millrace.bench.attention;

import dev.millrace.bench.report.Spread;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.ToDoubleFunction;
import org.openjdk.jmh.results.IterationResult;
import org.openjdk.jmh.results.RunResult;

/**
 * What attention reached, iteration by iteration beside the machine's limits.
 *
 * @param micros         of one layer
 * @param gigabytes      of keys and values per second, each counted once
 * @param bandwidthShare of the memory's speed just before
 * @param gigaMacs       multiply-adds per second, in billions
 * @param fmaShare       of the float32 multiply-adds that the processor could do just before
 */
record AttentionResult(AttentionRun run, Spread micros, Spread gigabytes, Spread bandwidthShare,
        Spread gigaMacs, Spread fmaShare) {

    static final String HEADER = String.format(Locale.ROOT, "%-8s %-6s %6s %6s %7s %12s %7s %8s"
            + " %8s %8s", "kernels", "cache", "depth", "tokens", "threads", "microseconds", "GB/s",
            "of read", "GMAC/s", "of peak");

    static AttentionResult of(AttentionRun run, RunResult result) {
        List<IterationResult> iterations = result.getBenchmarkResults().stream()
                .flatMap(fork -> fork.getIterationResults().stream()).toList();
        ToDoubleFunction<IterationResult> micros = each -> each.getPrimaryResult().getScore();
        ToDoubleFunction<IterationResult> gigabytes = each -> run.cacheBytes()
                / micros.applyAsDouble(each) / 1e3;
        ToDoubleFunction<IterationResult> gigaMacs = each -> run.macs()
                / micros.applyAsDouble(each) / 1e3;
        return new AttentionResult(run, spread(iterations, micros), spread(iterations, gigabytes),
                spread(iterations, each -> gigabytes.applyAsDouble(each)
                        / counter(each, "memoryReadGbPerS")),
                spread(iterations, gigaMacs), spread(iterations,
                        each -> gigaMacs.applyAsDouble(each) / counter(each, "fmaGmacPerS")));
    }

    private static double counter(IterationResult iteration, String name) {
        return iteration.getSecondaryResults().get(name).getScore();
    }

    private static Spread spread(List<IterationResult> iterations,
            ToDoubleFunction<IterationResult> value) {
        return Spread.of(iterations.stream().mapToDouble(value).toArray());
    }

    /** A line below {@link #HEADER}. */
    String line() {
        return String.format(Locale.ROOT, "%-8s %-6s %6d %6d %7d %12.1f %7.1f %6.0f %% %8.1f"
                + " %6.0f %%", run.kernels(), run.format(), run.depth(), run.tokens(),
                run.threads(), micros.median(), gigabytes.median(), 100 * bandwidthShare.median(),
                gigaMacs.median(), 100 * fmaShare.median());
    }

    /** The fields of the result, without the machine's. */
    Map<String, Object> asMap() {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("kernels", run.kernels());
        map.put("cache", run.format());
        map.put("depth", run.depth());
        map.put("tokens", run.tokens());
        map.put("threads", run.threads());
        map.put("micros", micros);
        map.put("gb_per_s", gigabytes.median());
        map.put("bandwidth_share", bandwidthShare.median());
        map.put("gmac_per_s", gigaMacs.median());
        map.put("fma_share", fmaShare.median());
        return map;
    }
}
