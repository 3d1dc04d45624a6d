package dev.millrace.bench.model;

import com.sun.management.OperatingSystemMXBean;
import dev.millrace.bench.KernelNames;
import dev.millrace.kernels.KvFormat;
import dev.millrace.kernels.cpu.CpuKernels;
import dev.millrace.models.Model;
import dev.millrace.models.store.ModelStore;
import dev.millrace.models.store.PullListener;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.Locale;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** What every model benchmark asks for, and how it opens the model. */
public final class ModelOptions {

    /** Where results of models go unless said otherwise. */
    public static final Path MODEL_RESULTS = Path.of("bench/results/models.jsonl");

    /** Of the machine's memory, what a model with its cache may take. */
    private static final double MEMORY_SHARE = 0.8;
    /** Programs per processor that are running already from which on figures mean little. */
    private static final double BUSY_SHARE = 0.25;

    @Parameters(index = "0", paramLabel = "MODEL",
            description = "A path or a model that 'millrace list' shows.")
    public String model;

    @Option(names = {"-t", "--threads"}, paramLabel = "N",
            description = "Worker threads (default: the processors this process may use).")
    public int threads = Runtime.getRuntime().availableProcessors();

    @Option(names = "--kernels", paramLabel = "NAME",
            description = "scalar, vector or native (default: ${DEFAULT-VALUE}).")
    public String kernels = "vector";

    @Option(names = "--kv", paramLabel = "FORMAT",
            description = "f16, f32 or q8_0: how cached keys and values are kept (default:"
                    + " ${DEFAULT-VALUE}).")
    public String cacheFormat = "f16";

    @Option(names = "--step-tokens", paramLabel = "N",
            description = "Most tokens of prompts in one step (default: ${DEFAULT-VALUE}).")
    public int stepTokens = 512;

    @Option(names = "--results", paramLabel = "FILE",
            description = "JSON lines file to append to (default: ${DEFAULT-VALUE}).")
    public Path results = MODEL_RESULTS;

    @Option(names = "--html", paramLabel = "FILE",
            description = "Also write this run's results as a page.")
    public Path html;

    /** @throws IllegalArgumentException if an option is out of its range */
    public void validate() {
        requirePositive("--threads", threads);
        requirePositive("--step-tokens", stepTokens);
    }

    /** @throws IllegalArgumentException if the option's value is less than 1 */
    public static void requirePositive(String option, int value) {
        if (value < 1) {
            throw new IllegalArgumentException(option + " must be at least 1, got " + value);
        }
    }

    /** Says so where other programs take the processors that are measured. */
    public static void warnIfBusy() {
        double load = system().getSystemLoadAverage();
        int processors = system().getAvailableProcessors();
        if (load > BUSY_SHARE * processors) {
            System.out.printf(Locale.ROOT,
                    "  note: other programs keep this machine busy: %.1f were"
                            + " running on average on %d processors%n",
                    load, processors);
        }
    }

    private static OperatingSystemMXBean system() {
        return (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    }

    /** The model's file, pulled if it must be. */
    public Path resolve() throws InterruptedException {
        return resolve(model);
    }

    /** The file of a model by its path or name, pulled if it must be. */
    public static Path resolve(String model) throws InterruptedException {
        try (ModelStore store = ModelStore.open(System.getenv())) {
            return store.resolve(model, PullListener.SILENT);
        }
    }

    Model openModel() throws InterruptedException {
        return Model.open(resolve());
    }

    /** The kernels by their name. */
    public CpuKernels openKernels() {
        return KernelNames.of(kernels);
    }

    /** What the cache is to be kept in. */
    public KvFormat cacheFormat() {
        return cacheFormat(cacheFormat);
    }

    /** The format of a cache by its name. */
    public static KvFormat cacheFormat(String name) {
        return switch (name) {
            case "f16" -> KvFormat.F16;
            case "f32" -> KvFormat.F32;
            case "q8_0" -> KvFormat.Q8_0;
            default -> throw new IllegalArgumentException(
                    "--kv must be f16, f32 or q8_0, got \"" + name + "\"");
        };
    }

    /** What weights, cache and buffers may take on this machine. */
    public static long memoryBytes() {
        return (long) (system().getTotalMemorySize() * MEMORY_SHARE);
    }
}
