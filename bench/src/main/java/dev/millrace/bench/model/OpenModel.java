package dev.millrace.bench.model;

import dev.millrace.bench.MemoryProbe;
import dev.millrace.engine.cpu.CpuBackend;
import dev.millrace.engine.forward.Backend;
import dev.millrace.engine.forward.CacheGeometry;
import dev.millrace.engine.forward.ForwardPass;
import dev.millrace.engine.forward.MemoryBudget;
import dev.millrace.kernels.KvFormat;
import dev.millrace.kernels.WorkerPool;
import dev.millrace.kernels.cpu.CpuKernels;
import dev.millrace.models.Model;
import dev.millrace.models.ModelSpec;
import dev.millrace.models.Weights;
import java.util.Collection;
import java.util.function.DoubleSupplier;

/** A warmed model that tests run on, one round at a time. Borrows the pool and the model. */
public final class OpenModel implements AutoCloseable {

    private static final int WARMING_PROMPT_TOKENS = 128;
    private static final int WARMING_TOKENS = 4;

    private final ModelSpec spec;
    private final ForwardPass pass;
    private final DoubleSupplier bandwidth;
    private final int stepTokens;
    private StepDriver driver;
    private int driverSequences;
    private int driverContextTokens;

    /** Opens what the tests need together: the longest context, the most sequences. */
    public static OpenModel of(Model model, CpuKernels kernels, WorkerPool pool, MemoryProbe probe,
            Collection<ModelTest> tests, int stepTokens, long memoryBytes,
            KvFormat cacheFormat) {
        return of(model.spec(), model.weights(), new CpuBackend(kernels, pool),
                probe::gigabytesPerSecond, tests, stepTokens, memoryBytes, cacheFormat);
    }

    /**
     * The same on any device.
     *
     * @param bandwidth how fast the device reads its memory just now, in GB/s
     */
    public static OpenModel of(ModelSpec spec, Weights weights, Backend backend,
            DoubleSupplier bandwidth, Collection<ModelTest> tests, int stepTokens,
            long memoryBytes, KvFormat cacheFormat) {
        int context = tests.stream().mapToInt(ModelTest::contextTokens).max().orElseThrow();
        int sequences = tests.stream().mapToInt(ModelTest::sequences).max().orElseThrow();
        MemoryBudget budget = new MemoryBudget(memoryBytes, context, sequences,
                Math.max(sequences, stepTokens), cacheFormat);
        return new OpenModel(spec, backend.open(spec, weights, budget), bandwidth,
                budget.stepTokens());
    }

    private OpenModel(ModelSpec spec, ForwardPass pass, DoubleSupplier bandwidth, int stepTokens) {
        this.spec = spec;
        this.pass = pass;
        this.bandwidth = bandwidth;
        this.stepTokens = stepTokens;
    }

    /** Repeats a test after a round that is not counted. */
    public Rounds measure(ModelTest test, int rounds) {
        return Rounds.of(rounds, bandwidth, () -> round(test));
    }

    /** Runs a test once: tokens per second, of all sequences together. */
    public double round(ModelTest test) {
        prepare(test);
        driver.seek(test.depthTokens());
        long started = System.nanoTime();
        if (test.sharedPrompt() && test.promptTokens() > 0) {
            driver.prefillShared(test.promptTokens());
        } else if (test.promptTokens() > 0) {
            driver.prefill(test.promptTokens());
        }
        for (int i = 0; i < test.generatedTokens(); i++) {
            driver.decode();
        }
        return test.measuredTokens() * 1e9 / (System.nanoTime() - started);
    }

    /** Runs a few tokens of a test, so that a machine that did something else is warm again. */
    public void warmUp(ModelTest test) {
        round(new ModelTest(Math.min(test.promptTokens(), WARMING_PROMPT_TOKENS),
                Math.min(test.generatedTokens(), WARMING_TOKENS), test.depthTokens(),
                test.sequences(), test.sharedPrompt()));
    }

    /** The cache is laid out anew for more sequences or longer ones, and kept otherwise. */
    private void prepare(ModelTest test) {
        if (driver == null || test.sequences() != driverSequences
                || test.contextTokens() > driverContextTokens) {
            driver = new StepDriver(pass, test.sequences(), test.contextTokens(), stepTokens,
                    spec.vocabularySize());
            driverSequences = test.sequences();
            driverContextTokens = test.contextTokens();
        }
    }

    /** How fast memory is read just now, in GB/s. */
    public double bandwidth() {
        return bandwidth.getAsDouble();
    }

    /** Whether the cache holds what a test needs. */
    public boolean holds(ModelTest test) {
        CacheGeometry geometry = pass.cacheGeometry();
        return geometry.groups().stream().allMatch(group -> (long) test.sequences()
                * geometry.sequenceBlocks(group, test.contextTokens(), stepTokens) <= group
                        .blocks());
    }

    /** Bytes of packed weights that a step reads. */
    long stepWeightBytes() {
        return pass.memory().stepWeightBytes();
    }

    /**
     * Gigabytes that a test reads from memory per token that it computes: weights once a step, and
     * while generating what the cache holds.
     */
    public double gigabytesPerToken(ModelTest test) {
        double weights = stepWeightBytes() / 1e9;
        if (test.isPrefill()) {
            long tokens = test.measuredTokens();
            return weights * Math.ceilDiv(tokens, stepTokens) / tokens;
        }
        long positions = test.depthTokens() + test.promptTokens() + test.generatedTokens() / 2;
        return weights / test.sequences() + cacheBytes(positions) / 1e9;
    }

    /** What a token reads of the cache after so many positions. */
    private double cacheBytes(long positions) {
        CacheGeometry geometry = pass.cacheGeometry();
        return geometry.groups().stream()
                .mapToDouble(group -> (double) group.attendedTokens(positions)
                        * group.blockBytes() / geometry.blockTokens())
                .sum();
    }

    /** Multiply-adds of one token in the layers' matrices; the output matrix runs once a prompt. */
    long layerMacsPerToken() {
        long attention = (long) spec.embeddingSize() * (2L * spec.querySize() + 2L * spec.kvSize());
        long feedForward = spec.layerSpecs().stream()
                .mapToLong(layer -> layer.feedForward().macs(spec.embeddingSize())).sum();
        return spec.layers() * attention + feedForward;
    }

    /** Multiply-adds of one token in all matrices. */
    public long macsPerToken(ModelTest test) {
        long output = (long) spec.embeddingSize() * spec.vocabularySize();
        return layerMacsPerToken() + (test.isPrefill() ? 0 : output);
    }

    @Override
    public void close() {
        pass.close();
    }
}
