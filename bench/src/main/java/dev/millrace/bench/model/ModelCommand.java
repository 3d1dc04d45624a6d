package dev.millrace.bench.model;

import dev.millrace.bench.MemoryProbe;
import dev.millrace.bench.report.Hardware;
import dev.millrace.bench.report.HtmlReport;
import dev.millrace.bench.report.ResultLog;
import dev.millrace.kernels.WorkerPool;
import dev.millrace.kernels.cpu.CpuKernels;
import dev.millrace.models.Model;
import dev.millrace.models.store.ByteCounts;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code bench model}: prompts, decoding at several depths, and batches of sequences. */
@Command(name = "model",
        description = "Measure a model: prompts, decoding at several depths, and batches; in"
                + " tokens/s, GB/s, the share of memory bandwidth and GMAC/s.")
public final class ModelCommand implements Callable<Integer> {

    private static final List<String> SECTIONS = List.of("prefill", "decode", "batch");

    @Mixin
    private ModelOptions options = new ModelOptions();

    @Option(names = "--sections", split = ",", paramLabel = "NAME",
            description = "What to measure: prefill, decode (at every depth), batch (default:"
                    + " all).")
    private Set<String> sections = Set.copyOf(SECTIONS);

    @Option(names = "--prompts", split = ",", paramLabel = "N",
            description = "Lengths of prompts (default: 128,512).")
    private List<Integer> prompts = List.of(128, 512);

    @Option(names = "--depths", split = ",", paramLabel = "N",
            description = "Positions in the cache before decoding (default: 0,2048,8192).")
    private List<Integer> depths = List.of(0, 2048, 8192);

    @Option(names = "--batches", split = ",", paramLabel = "N",
            description = "Sequences decoded together (default: 1,2,4,8,16).")
    private List<Integer> batches = List.of(1, 2, 4, 8, 16);

    @Option(names = "--batch-depth", paramLabel = "N",
            description = "Positions of each sequence of a batch (default: ${DEFAULT-VALUE}).")
    private int batchDepth = 128;

    @Option(names = "--tokens", paramLabel = "N",
            description = "Tokens that each sequence generates (default: ${DEFAULT-VALUE}).")
    private int tokens = 32;

    @Option(names = "--rounds", paramLabel = "N",
            description = "Measured rounds of each test (default: ${DEFAULT-VALUE}).")
    private int rounds = 5;

    @Override
    public Integer call() throws IOException, InterruptedException {
        validate();
        HtmlReport report = new HtmlReport();
        try (Model model = options.openModel();
                WorkerPool pool = WorkerPool.create(options.threads)) {
            CpuKernels kernels = options.openKernels();
            MemoryProbe probe = new MemoryProbe(pool);
            System.out.printf(Locale.ROOT, "%s (%s in the file), %s kernels, %d thread(s), %d"
                    + " rounds%n", model.spec().name(),
                    ByteCounts.text(model.weights().totalBytes()), options.kernels,
                    options.threads, rounds);
            ModelOptions.warnIfBusy();
            System.out.println(ModelMeasurement.HEADER);
            for (List<ModelTest> session : sessions(model.spec().contextTokens())) {
                try (OpenModel open = OpenModel.of(model, kernels, pool, probe, session,
                        options.stepTokens, ModelOptions.memoryBytes(),
                        options.cacheFormat())) {
                    for (ModelTest test : session) {
                        record(model, ModelMeasurement.of(open, test, open.measure(test, rounds)),
                                report);
                    }
                }
            }
        }
        if (options.html != null) {
            report.write(options.html);
        }
        return 0;
    }

    private void validate() {
        options.validate();
        ModelOptions.requirePositive("--rounds", rounds);
        ModelOptions.requirePositive("--tokens", tokens);
        prompts.forEach(value -> ModelOptions.requirePositive("--prompts", value));
        batches.forEach(value -> ModelOptions.requirePositive("--batches", value));
        depths.forEach(value -> requireNotNegative("--depths", value));
        requireNotNegative("--batch-depth", batchDepth);
        for (String section : sections) {
            if (!SECTIONS.contains(section)) {
                throw new IllegalArgumentException("--sections must be of "
                        + String.join(", ", SECTIONS) + "; got \"" + section + "\"");
            }
        }
    }

    private static void requireNotNegative(String option, int value) {
        if (value < 0) {
            throw new IllegalArgumentException(option + " must not be negative, got " + value);
        }
    }

    /**
     * Tests that share an opened model: one sequence may need a long cache, and many sequences a
     * short one; a cache for both would take their product. What the model's context cannot hold is
     * left out, visibly.
     */
    private List<List<ModelTest>> sessions(int contextTokens) {
        List<ModelTest> alone = new ArrayList<>();
        List<ModelTest> together = new ArrayList<>();
        if (sections.contains("prefill")) {
            prompts.forEach(prompt -> alone.add(ModelTest.prefill(prompt, 0)));
        }
        if (sections.contains("decode")) {
            depths.forEach(depth -> alone.add(ModelTest.decode(tokens, depth, 1)));
        }
        if (sections.contains("batch")) {
            batches.forEach(batch -> together.add(ModelTest.decode(tokens, batchDepth, batch)));
        }
        List<List<ModelTest>> sessions = new ArrayList<>();
        for (List<ModelTest> session : List.of(alone, together)) {
            session.removeIf(test -> {
                boolean tooLong = test.contextTokens() > contextTokens;
                if (tooLong) {
                    System.out.printf(Locale.ROOT, "  %-20s left out: the model's context is %d"
                            + " tokens%n", test.label(), contextTokens);
                }
                return tooLong;
            });
            if (!session.isEmpty()) {
                sessions.add(session);
            }
        }
        return sessions;
    }

    private void record(Model model, ModelMeasurement measurement, HtmlReport report)
            throws IOException {
        System.out.println(measurement.line());
        Map<String, Object> result = new LinkedHashMap<>();
        result.put("model", model.spec().name());
        result.put("kernels", options.kernels);
        result.put("threads", options.threads);
        result.putAll(measurement.asMap());
        report.add(new ResultLog(options.results, Hardware.detect())
                .append(measurement.benchmark(), result));
    }
}
