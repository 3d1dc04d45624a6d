package dev.millrace.bench;

import dev.millrace.engine.cpu.CpuBackend;
import dev.millrace.engine.forward.ForwardPass;
import dev.millrace.engine.forward.MemoryBudget;
import dev.millrace.kernels.WorkerPool;
import dev.millrace.kernels.cpu.CpuKernels;
import dev.millrace.models.Model;
import dev.millrace.models.store.ModelStore;
import dev.millrace.models.store.PullListener;
import java.nio.file.Path;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** What every model benchmark asks for, and how it opens the model. */
final class ModelOptions {

    private static final long UNLIMITED_BYTES = Long.MAX_VALUE / 4;

    @Parameters(index = "0", paramLabel = "MODEL",
            description = "A path or a model that 'millrace list' shows.")
    String model;

    @Option(names = "--threads", paramLabel = "N",
            description = "Worker threads (default: the processors this process may use).")
    int threads = Runtime.getRuntime().availableProcessors();

    @Option(names = "--kernels", paramLabel = "NAME",
            description = "scalar or vector (default: ${DEFAULT-VALUE}).")
    String kernels = "vector";

    @Option(names = "--rounds", paramLabel = "N",
            description = "Measured rounds (default: ${DEFAULT-VALUE}).")
    int rounds = 5;

    @Option(names = "--results", paramLabel = "FILE",
            description = "JSON lines file to append to (default: ${DEFAULT-VALUE}).")
    Path results = Path.of("bench/results/models.jsonl");

    void validate() {
        requirePositive("--threads", threads);
        requirePositive("--rounds", rounds);
    }

    static void requirePositive(String option, int value) {
        if (value < 1) {
            throw new IllegalArgumentException(option + " must be at least 1, got " + value);
        }
    }

    Model openModel() throws InterruptedException {
        try (ModelStore store = ModelStore.open(System.getenv())) {
            return Model.open(store.resolve(model, PullListener.SILENT));
        }
    }

    ForwardPass openPass(Model opened, WorkerPool pool, int contextTokens, int sequences,
            int stepTokens) {
        CpuKernels implementation = MatmulBenchmark.kernels(kernels);
        return new CpuBackend(implementation, pool).open(opened.spec(), opened.weights(),
                new MemoryBudget(UNLIMITED_BYTES, contextTokens, sequences, stepTokens));
    }
}
