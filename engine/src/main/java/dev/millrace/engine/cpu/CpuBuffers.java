package dev.millrace.engine.cpu;

import dev.millrace.engine.forward.BackendException;
import dev.millrace.engine.forward.LogProbabilities;
import dev.millrace.engine.forward.MemoryBudget;
import dev.millrace.engine.forward.Sampler;
import dev.millrace.kernels.cpu.Activations;
import dev.millrace.kernels.cpu.CpuKernels;
import dev.millrace.models.ModelSpec;
import java.util.List;

/** The activations of one step, allocated once for the largest step that the budget allows. */
final class CpuBuffers {

    /**
     * Logits are computed for this many bytes of positions at a time: enough for the output matrix
     * to be read once for many positions, little beside the weights.
     */
    private static final long LOGITS_BYTES = 16L << 20;

    final float[] hidden; // (step tokens, embedding): the residual stream
    final Activations normed; // (step tokens, embedding): a branch's input
    final float[] branch; // (step tokens, embedding): a branch's output
    final float[] query; // (step tokens, heads x head size)
    final float[] key; // (step tokens, KV heads x head size)
    final float[] value; // (step tokens, KV heads x head size)
    final Activations attended; // (step tokens, heads x head size)
    private final List<Activations> gates; // (step tokens, feed forward), by size: then times up
    final float[] up; // (step tokens, feed forward)
    final ExpertBuffers experts; // null in models without
    final float[] logits; // (logit rows, vocabulary)
    final int logitRows;

    CpuBuffers(CpuKernels kernels, ModelSpec spec, MemoryBudget budget) {
        int tokens = budget.stepTokens();
        hidden = array(tokens, spec.embeddingSize());
        normed = activations(kernels, tokens, spec.embeddingSize());
        branch = array(tokens, spec.embeddingSize());
        query = array(tokens, spec.querySize());
        key = array(tokens, spec.kvSize());
        value = array(tokens, spec.kvSize());
        attended = activations(kernels, tokens, spec.querySize());
        gates = spec.feedForwardSizes().stream()
                .map(size -> activations(kernels, tokens, size)).toList();
        up = array(tokens, spec.widestFeedForward());
        experts = ExpertBuffers.of(kernels, spec, tokens);
        logitRows = logitRows(spec, budget);
        logits = array(logitRows, spec.vocabularySize());
    }

    /** What these buffers and the per-worker scratch of the outputs will take, in bytes. */
    static long bytes(CpuKernels kernels, ModelSpec spec, MemoryBudget budget, int workers) {
        long perToken = 2L * spec.embeddingSize() + spec.querySize() + 2L * spec.kvSize()
                + spec.widestFeedForward();
        long activations = ExpertBuffers.bytes(kernels, spec, budget.stepTokens())
                + kernels.activationBytes(budget.stepTokens(), spec.embeddingSize())
                + kernels.activationBytes(budget.stepTokens(), spec.querySize());
        for (int size : spec.feedForwardSizes()) {
            activations += kernels.activationBytes(budget.stepTokens(), size);
        }
        long logits = (long) logitRows(spec, budget) * spec.vocabularySize();
        long scratch = Sampler.scratchBytes(spec.vocabularySize(), budget.contextTokens())
                + LogProbabilities.scratchBytes(spec.vocabularySize());
        return Float.BYTES * (budget.stepTokens() * perToken + logits) + activations
                + workers * scratch;
    }

    private static int logitRows(ModelSpec spec, MemoryBudget budget) {
        long rows = LOGITS_BYTES / ((long) spec.vocabularySize() * Float.BYTES);
        return Math.clamp(rows, 1, budget.stepTokens());
    }

    /** Buffers for the gates of dense or shared networks of this width. */
    Activations gate(int size) {
        return ofWidth(gates, size);
    }

    /** Those activations that have so many columns. */
    static Activations ofWidth(List<Activations> candidates, int columns) {
        for (Activations candidate : candidates) {
            if (candidate.columns() == columns) {
                return candidate;
            }
        }
        throw new IllegalArgumentException("the model has no network of width " + columns);
    }

    static Activations activations(CpuKernels kernels, int rows, int width) {
        requireArray(rows, width);
        return kernels.openActivations(rows, width);
    }

    /** @throws BackendException if an array cannot hold so many elements */
    static float[] array(int rows, int width) {
        requireArray(rows, width);
        return new float[rows * width];
    }

    private static void requireArray(int rows, int width) {
        if ((long) rows * width > Integer.MAX_VALUE - 8) {
            throw new BackendException("a buffer of " + rows + " x " + width
                    + " elements is more than an array holds;"
                    + " lower the context or the tokens in one step");
        }
    }
}
