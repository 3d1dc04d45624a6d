package dev.millrace.bench;

import dev.millrace.bench.report.Hardware;
import dev.millrace.bench.report.ResultLog;
import dev.millrace.kernels.QuantFormat;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.ChainedOptionsBuilder;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;
import org.openjdk.jmh.runner.options.VerboseMode;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code bench kernels}: the JMH matmul benchmark, its table and its ratios. */
@Command(name = "kernels",
        description = "Measure the quantised matrix product, scalar and vector, on one thread.")
final class KernelsCommand implements Callable<Integer> {

    @Option(names = "--quick",
            description = "Only Q8_0, 4096 x 4096, one row: about half a minute.")
    private boolean quick;

    @Option(names = "--format", split = ",", paramLabel = "FORMAT",
            description = "Formats to measure, such as Q8_0,Q4_K (default: all).")
    private List<String> formats = List.of();

    @Option(names = "--rows", split = ",", paramLabel = "N",
            description = "Rows of activations (default: 1,8,64).")
    private List<String> rows = List.of();

    @Option(names = "--kernels", split = ",", paramLabel = "NAME",
            description = "scalar, vector or both (default: both).")
    private List<String> kernels = List.of();

    @Option(names = "--results", paramLabel = "FILE",
            description = "JSON lines file to append to (default: ${DEFAULT-VALUE}).")
    private Path results = Path.of("bench/results/kernels.jsonl");

    @Override
    public Integer call() throws RunnerException, IOException {
        Collection<RunResult> runs = new Runner(options().build()).run();
        ResultLog log = new ResultLog(results, Hardware.detect());
        List<Measurement> measurements = new ArrayList<>();
        for (RunResult run : runs) {
            Measurement measurement = Measurement.of(run);
            measurements.add(measurement);
            log.append("matmul", measurement.asMap());
        }
        print(measurements);
        return 0;
    }

    private ChainedOptionsBuilder options() {
        ChainedOptionsBuilder options = new OptionsBuilder()
                .include(MatmulBenchmark.class.getName() + ".multiply").forks(1)
                .warmupIterations(quick ? 3 : 5).measurementIterations(5)
                .warmupTime(TimeValue.seconds(1)).measurementTime(TimeValue.seconds(1))
                .verbosity(quick ? VerboseMode.SILENT : VerboseMode.NORMAL)
                .shouldFailOnError(true);
        if (quick) {
            options = options.param("format", "Q8_0").param("rows", "1");
        }
        if (!formats.isEmpty()) {
            options = options.param("format", formats.toArray(String[]::new));
        }
        if (!rows.isEmpty()) {
            options = options.param("rows", rows.toArray(String[]::new));
        }
        if (!kernels.isEmpty()) {
            options = options.param("kernels", kernels.toArray(String[]::new));
        }
        return options;
    }

    private static void print(List<Measurement> measurements) {
        System.out.printf(Locale.ROOT, "%-8s %-8s %-12s %5s %14s %9s %9s%n", "kernels", "format",
                "shape", "rows", "microseconds", "GB/s", "GMAC/s");
        for (Measurement m : measurements) {
            System.out.printf(Locale.ROOT, "%-8s %-8s %-12s %5d %14.1f %9.2f %9.2f%n", m.kernels,
                    m.format, m.shape, m.rows, m.micros, m.gigabytesPerSecond(),
                    m.gigaMacsPerSecond());
        }
        Map<String, Double> scalarMicros = new LinkedHashMap<>();
        measurements.stream().filter(m -> m.kernels.equals("scalar"))
                .forEach(m -> scalarMicros.put(m.work(), m.micros));
        for (Measurement m : measurements) {
            Double scalar = scalarMicros.get(m.work());
            if (!m.kernels.equals("scalar") && scalar != null) {
                System.out.printf(Locale.ROOT, "%s: %s is %.1fx scalar%n", m.work(), m.kernels,
                        scalar / m.micros);
            }
        }
    }

    /** One line of the table. */
    private record Measurement(String kernels, String format, String shape, int rows, double micros,
            double errorMicros) {

        static Measurement of(RunResult run) {
            var parameters = run.getParams();
            return new Measurement(parameters.getParam("kernels"), parameters.getParam("format"),
                    parameters.getParam("shape"), Integer.parseInt(parameters.getParam("rows")),
                    run.getPrimaryResult().getScore(), run.getPrimaryResult().getScoreError());
        }

        String work() {
            return format + " " + shape + " x " + rows;
        }

        private long elements() {
            String[] sides = shape.split("x");
            return Long.parseLong(sides[0]) * Long.parseLong(sides[1]);
        }

        /** Of the weights as the file holds them. */
        double gigabytesPerSecond() {
            return QuantFormat.valueOf(format).rowBytes(elements()) / micros / 1e3;
        }

        double gigaMacsPerSecond() {
            return elements() * rows / micros / 1e3;
        }

        Map<String, Object> asMap() {
            Map<String, Object> map = new LinkedHashMap<>();
            map.put("kernels", kernels);
            map.put("format", format);
            map.put("shape", shape);
            map.put("rows", rows);
            map.put("micros", micros);
            map.put("error_micros", Double.isNaN(errorMicros) ? null : errorMicros);
            map.put("gb_per_s", gigabytesPerSecond());
            map.put("gmac_per_s", gigaMacsPerSecond());
            return map;
        }
    }
}
