package dev.millrace.engine.cpu;

import dev.millrace.engine.forward.BackendException;
import dev.millrace.engine.forward.LogProbabilities;
import dev.millrace.engine.forward.MemoryBudget;
import dev.millrace.engine.forward.Sampler;
import dev.millrace.models.ModelSpec;

/** The activations of one step, allocated once for the largest step that the budget allows. */
final class CpuBuffers {

    /**
     * Logits are computed for this many bytes of positions at a time: enough for the output matrix
     * to be read once for many positions, little beside the weights.
     */
    private static final long LOGITS_BYTES = 16L << 20;

    final float[] hidden; // (step tokens, embedding): the residual stream
    final float[] branch; // (step tokens, embedding): a branch's normed input, then its output
    final float[] query; // (step tokens, heads x head size)
    final float[] key; // (step tokens, KV heads x head size)
    final float[] value; // (step tokens, KV heads x head size)
    final float[] attended; // (step tokens, heads x head size)
    final float[] gate; // (step tokens, feed forward)
    final float[] up; // (step tokens, feed forward)
    final float[] logits; // (logit rows, vocabulary)
    final float[][] scores; // (workers, group heads x context rounded up to blocks)
    final int logitRows;

    CpuBuffers(ModelSpec spec, MemoryBudget budget, int workers, int blockTokens) {
        int tokens = budget.stepTokens();
        hidden = array(tokens, spec.embeddingSize());
        branch = array(tokens, spec.embeddingSize());
        query = array(tokens, spec.querySize());
        key = array(tokens, spec.kvSize());
        value = array(tokens, spec.kvSize());
        attended = array(tokens, spec.querySize());
        gate = array(tokens, spec.feedForwardSize());
        up = array(tokens, spec.feedForwardSize());
        logitRows = logitRows(spec, budget);
        logits = array(logitRows, spec.vocabularySize());
        scores = new float[workers][];
        for (int worker = 0; worker < workers; worker++) {
            scores[worker] = array(spec.groupHeads(), roundedContext(budget, blockTokens));
        }
    }

    /** What these buffers and the per-worker scratch of the outputs will take, in bytes. */
    static long bytes(ModelSpec spec, MemoryBudget budget, int workers, int blockTokens) {
        long perToken = 2L * spec.embeddingSize() + 2L * spec.querySize() + 2L * spec.kvSize()
                + 2L * spec.feedForwardSize();
        long logits = (long) logitRows(spec, budget) * spec.vocabularySize();
        long scores = (long) spec.groupHeads() * roundedContext(budget, blockTokens);
        long scratch = Sampler.scratchBytes(spec.vocabularySize())
                + LogProbabilities.scratchBytes(spec.vocabularySize());
        return Float.BYTES * (budget.stepTokens() * perToken + logits + workers * scores)
                + workers * scratch;
    }

    private static int logitRows(ModelSpec spec, MemoryBudget budget) {
        long rows = LOGITS_BYTES / ((long) spec.vocabularySize() * Float.BYTES);
        return Math.clamp(rows, 1, budget.stepTokens());
    }

    private static int roundedContext(MemoryBudget budget, int blockTokens) {
        return Math.ceilDiv(budget.contextTokens(), blockTokens) * blockTokens;
    }

    /** @throws BackendException if an array cannot hold so many elements */
    static float[] array(int rows, int width) {
        long elements = (long) rows * width;
        if (elements > Integer.MAX_VALUE - 8) {
            throw new BackendException("a buffer of " + rows + " x " + width
                    + " elements is more than an array holds;"
                    + " lower the context or the tokens in one step");
        }
        return new float[(int) elements];
    }
}
