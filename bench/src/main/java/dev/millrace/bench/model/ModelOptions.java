package dev.millrace.bench.model;

import com.sun.management.OperatingSystemMXBean;
import dev.millrace.bench.KernelNames;
import dev.millrace.kernels.cpu.CpuKernels;
import dev.millrace.models.Model;
import dev.millrace.models.store.ModelStore;
import dev.millrace.models.store.PullListener;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** What every model benchmark asks for, and how it opens the model. */
final class ModelOptions {

    /** Of the machine's memory, what a model with its cache may take. */
    private static final double MEMORY_SHARE = 0.8;

    @Parameters(index = "0", paramLabel = "MODEL",
            description = "A path or a model that 'millrace list' shows.")
    String model;

    @Option(names = {"-t", "--threads"}, paramLabel = "N",
            description = "Worker threads (default: the processors this process may use).")
    int threads = Runtime.getRuntime().availableProcessors();

    @Option(names = "--kernels", paramLabel = "NAME",
            description = "scalar or vector (default: ${DEFAULT-VALUE}).")
    String kernels = "vector";

    @Option(names = "--step-tokens", paramLabel = "N",
            description = "Most tokens of prompts in one step (default: ${DEFAULT-VALUE}).")
    int stepTokens = 512;

    @Option(names = "--results", paramLabel = "FILE",
            description = "JSON lines file to append to (default: ${DEFAULT-VALUE}).")
    Path results = Path.of("bench/results/models.jsonl");

    @Option(names = "--html", paramLabel = "FILE",
            description = "Also write this run's results as a page.")
    Path html;

    void validate() {
        requirePositive("--threads", threads);
        requirePositive("--step-tokens", stepTokens);
    }

    static void requirePositive(String option, int value) {
        if (value < 1) {
            throw new IllegalArgumentException(option + " must be at least 1, got " + value);
        }
    }

    /** The model's file, pulled if it must be. */
    Path resolve() throws InterruptedException {
        try (ModelStore store = ModelStore.open(System.getenv())) {
            return store.resolve(model, PullListener.SILENT);
        }
    }

    Model openModel() throws InterruptedException {
        return Model.open(resolve());
    }

    CpuKernels openKernels() {
        return KernelNames.of(kernels);
    }

    static long memoryBytes() {
        var system = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
        return (long) (system.getTotalMemorySize() * MEMORY_SHARE);
    }
}
