package dev.millrace.bench.matmul;

import dev.millrace.bench.KernelNames;
import dev.millrace.bench.MatrixShape;
import dev.millrace.bench.baseline.FloatLibrary;
import dev.millrace.bench.report.Hardware;
import dev.millrace.bench.report.HtmlReport;
import dev.millrace.bench.report.ResultLog;
import dev.millrace.kernels.QuantFormat;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code bench kernels}: quantised products of every format, beside the machine's limits. */
@Command(name = "kernels",
        description = "Measure the matrix products by themselves, as shares of the memory's speed"
                + " and of the processor's multiply-adds, both read in the same second.")
public final class KernelsCommand implements Callable<Integer> {

    private static final Duration ITERATION = Duration.ofSeconds(1);

    @Option(names = "--quick",
            description = "Only Q8_0, 4096 x 4096, one row, scalar and vector: half a minute.")
    private boolean quick;

    @Option(names = "--format", split = ",", paramLabel = "FORMAT",
            description = "Formats to measure, such as Q8_0,Q4_K (default: all).")
    private List<String> formats = plainFormats().map(QuantFormat::name).toList();

    @Option(names = "--shape", split = ",", paramLabel = "SHAPE",
            description = "Outputs x inputs of the weights (default: 4096x4096).")
    private List<String> shapes = List.of("4096x4096");

    @Option(names = "--rows", split = ",", paramLabel = "N",
            description = "Rows of activations (default: 1,4,16,128).")
    private List<Integer> rows = List.of(1, 4, 16, 128);

    @Option(names = "--threads", split = ",", paramLabel = "N",
            description = "Threads of one product (default: 1).")
    private List<Integer> threads = List.of(1);

    @Option(names = "--kernels", split = ",", paramLabel = "NAME",
            description = "Of scalar, vector and native (default: vector).")
    private List<String> kernels = List.of("vector");

    @Option(names = "--baselines", split = ",", paramLabel = "NAME",
            description = "Also these libraries' float32 products of the same shapes: openblas,"
                    + " openblas-avx512, onednn, nd4j.")
    private List<String> baselines = List.of();

    @Option(names = "--results", paramLabel = "FILE",
            description = "JSON lines file to append to (default: ${DEFAULT-VALUE}).")
    private Path results = Path.of("bench/results/kernels.jsonl");

    @Option(names = "--html", paramLabel = "FILE",
            description = "Also write this run's results as a page.")
    private Path html;

    @Override
    public Integer call() throws IOException {
        List<MatmulRun> runs = runs();
        System.out.printf(Locale.ROOT, "%d runs, about %d minutes%n", runs.size(),
                Math.ceilDiv(runs.size() * MatmulRun.SECONDS, 60));
        System.out.println(MatmulResult.HEADER);
        ResultLog log = new ResultLog(results, Hardware.detect());
        HtmlReport report = new HtmlReport();
        Map<String, Double> scalarMicros = new HashMap<>();
        for (MatmulRun run : runs) {
            MatmulResult result = run.measure(ITERATION);
            System.out.println(result.line());
            report.add(log.append("matmul", result.asMap()));
            double micros = result.micros().median();
            Double scalar = scalarMicros.get(run.work());
            if (run.kernels().equals("scalar")) {
                scalarMicros.put(run.work(), micros);
            } else if (scalar != null) {
                System.out.printf(Locale.ROOT, "  %s: %s is %.1fx scalar%n", run.work(),
                        run.kernels(), scalar / micros);
            }
        }
        if (html != null) {
            report.write(html);
        }
        return 0;
    }

    /** All of them are known to be sound before the first, which may be hours before the last. */
    List<MatmulRun> runs() {
        if (quick) {
            formats = List.of("Q8_0");
            rows = List.of(1);
            kernels = List.of("scalar", "vector");
        }
        kernels.forEach(KernelNames::of);
        baselines.forEach(FloatLibrary::require);
        List<MatmulRun> runs = new ArrayList<>();
        for (String shapeText : shapes) {
            MatrixShape shape = MatrixShape.parse(shapeText);
            for (int count : positive("--threads", threads)) {
                for (int rowCount : positive("--rows", rows)) {
                    for (String format : formats) {
                        QuantFormat parsed = format(format);
                        parsed.rowBytes(shape.inputs()); // refuses rows that are no whole blocks
                        kernels.forEach(name -> runs.add(new MatmulRun(name, false, parsed, shape,
                                rowCount, count)));
                    }
                    baselines.forEach(name -> runs.add(new MatmulRun(name, true, QuantFormat.F32,
                            shape, rowCount, count)));
                }
            }
        }
        return runs;
    }

    private static QuantFormat format(String name) {
        return plainFormats().filter(format -> format.name().equalsIgnoreCase(name)).findFirst()
                .orElseThrow(() -> new IllegalArgumentException("--format must be of "
                        + plainFormats().toList() + ", got \"" + name + "\""));
    }

    private static Stream<QuantFormat> plainFormats() {
        return Arrays.stream(QuantFormat.values()).filter(QuantFormat::isPlain);
    }

    private static List<Integer> positive(String option, List<Integer> values) {
        for (int value : values) {
            if (value < 1) {
                throw new IllegalArgumentException(option + " must be at least 1, got " + value);
            }
        }
        return values;
    }
}
