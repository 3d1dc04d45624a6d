package dev.millrace.bench.matmul;

import dev.millrace.bench.report.Spread;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.ToDoubleFunction;
import org.openjdk.jmh.results.IterationResult;
import org.openjdk.jmh.results.RunResult;

/**
 * What a product reached, iteration by iteration beside the machine's limits.
 *
 * @param micros         of one product
 * @param gigabytes      of weights read per second, as the kernels hold them
 * @param bandwidthShare of the memory's speed just before
 * @param gigaMacs       multiply-adds per second, in billions
 * @param fmaShare       of the float32 multiply-adds that the processor could do just before
 * @param memoryRead     in GB/s
 * @param fma            in billions per second
 */
record MatmulResult(MatmulRun run, Spread micros, Spread gigabytes, Spread bandwidthShare,
        Spread gigaMacs, Spread fmaShare, Spread memoryRead, Spread fma) {

    static final String HEADER = String.format(Locale.ROOT,
            "%-15s %-8s %-12s %5s %7s %12s %7s %8s %8s %8s", "kernels", "format", "shape", "rows",
            "threads", "microseconds", "GB/s", "of read", "GMAC/s", "of peak");

    static MatmulResult of(MatmulRun run, RunResult result) {
        List<IterationResult> iterations = result.getBenchmarkResults().stream()
                .flatMap(benchmark -> benchmark.getIterationResults().stream()).toList();
        ToDoubleFunction<IterationResult> micros = each -> each.getPrimaryResult().getScore();
        ToDoubleFunction<IterationResult> memory = each -> counter(each,
                "memoryReadGbPerS");
        ToDoubleFunction<IterationResult> fma = each -> counter(each, "fmaGmacPerS");
        ToDoubleFunction<IterationResult> gigabytes = each -> weightBytes(run, each)
                / micros.applyAsDouble(each) / 1e3;
        ToDoubleFunction<IterationResult> gigaMacs = each -> run.shape().macs(run.rows())
                / micros.applyAsDouble(each) / 1e3;
        return new MatmulResult(run, spread(iterations, micros), spread(iterations, gigabytes),
                spread(iterations, each -> gigabytes.applyAsDouble(each)
                        / memory.applyAsDouble(each)),
                spread(iterations, gigaMacs),
                spread(iterations, each -> gigaMacs.applyAsDouble(each)
                        / fma.applyAsDouble(each)),
                spread(iterations, memory), spread(iterations, fma));
    }

    private static double weightBytes(MatmulRun run, IterationResult iteration) {
        return run.baseline()
                ? (double) run.shape().elements() * Float.BYTES
                : counter(iteration, "weightBytes");
    }

    /** @param name of a method of the benchmark's counters */
    private static double counter(IterationResult iteration, String name) {
        return iteration.getSecondaryResults().get(name).getScore();
    }

    private static Spread spread(List<IterationResult> iterations,
            ToDoubleFunction<IterationResult> value) {
        return Spread.of(iterations.stream().mapToDouble(value).toArray());
    }

    /** A line below {@link #HEADER}. */
    String line() {
        return String.format(Locale.ROOT,
                "%-15s %-8s %-12s %5d %7d %12.1f %7.1f %6.0f %% %8.1f %6.0f %%", run.kernels(),
                run.format(), run.shape(), run.rows(), run.threads(), micros.median(),
                gigabytes.median(), 100 * bandwidthShare.median(), gigaMacs.median(),
                100 * fmaShare.median());
    }

    /** The fields of the result, without the machine's. */
    Map<String, Object> asMap() {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("kernels", run.kernels());
        map.put("format", run.format());
        map.put("shape", run.shape().toString());
        map.put("rows", run.rows());
        map.put("threads", run.threads());
        map.put("micros", micros.median());
        map.put("least_micros", micros.least());
        map.put("most_micros", micros.most());
        map.put("gb_per_s", gigabytes.median());
        map.put("memory_read_gb_per_s", memoryRead.median());
        map.put("bandwidth_share", bandwidthShare.median());
        map.put("gmac_per_s", gigaMacs.median());
        map.put("fma_gmac_per_s", fma.median());
        map.put("fma_share", fmaShare.median());
        return map;
    }
}
