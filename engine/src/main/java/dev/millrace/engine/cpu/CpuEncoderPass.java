package dev.millrace.engine.cpu;

import dev.millrace.engine.forward.EncoderPass;
import dev.millrace.engine.forward.ForwardPass.DeviceMemory;
import dev.millrace.engine.forward.UnitLength;
import dev.millrace.kernels.WorkerPool;
import dev.millrace.kernels.cpu.Activations;
import dev.millrace.kernels.cpu.CpuKernels;
import dev.millrace.models.EncoderModel;
import dev.millrace.models.EncoderSpec;
import dev.millrace.models.text.EncoderInput;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Runs an encoder on the processor: the tokens of several texts share every product, and each text
 * attends to itself. Borrows the model, the kernels and the pool.
 */
public final class CpuEncoderPass implements EncoderPass {

    /** Texts are computed together up to so many tokens, or one by one where they are longer. */
    private static final int STEP_TOKENS = 1024;

    private final EncoderSpec spec;
    private final CpuKernels kernels;
    private final WorkerPool pool;
    private final CpuProducts products;
    private final CpuEncoderWeights weights;
    private final WorkQueue queue = new WorkQueue();

    private final Activations states; // (tokens, embedding): the residual stream
    private final Activations attended; // (tokens, embedding)
    private final Activations inner; // (tokens, feed forward)
    private final float[] query; // (tokens, embedding)
    private final float[] key; // (tokens, embedding)
    private final float[] value; // (tokens, embedding)
    private final float[] branch; // (tokens, embedding)
    private final HeadAttention[] heads; // (workers)
    private final float[][] scratch; // (workers, feed forward)

    private final int[] tokens;
    private final int[] positions;
    private final boolean[] seconds; // tokens of the second of two texts
    private final int[] firstTokens; // of each text of a step, and the end of the last
    private int texts;
    private int count; // of tokens

    /** Packs the weights and takes the buffers. */
    public CpuEncoderPass(EncoderModel model, CpuKernels kernels, WorkerPool pool) {
        this.spec = model.spec();
        this.kernels = kernels;
        this.pool = pool;
        products = new CpuProducts(kernels);
        int most = stepTokens(spec);
        int width = spec.embeddingSize();
        states = kernels.openActivations(most, width);
        attended = kernels.openActivations(most, width);
        inner = kernels.openActivations(most, spec.feedForwardSize());
        query = CpuBuffers.array(most, width);
        key = CpuBuffers.array(most, width);
        value = CpuBuffers.array(most, width);
        branch = CpuBuffers.array(most, width);
        heads = new HeadAttention[pool.workers()];
        scratch = new float[pool.workers()][spec.feedForwardSize()];
        for (int worker = 0; worker < heads.length; worker++) {
            heads[worker] = new HeadAttention(kernels, spec.headSize(), spec.contextTokens());
        }
        tokens = new int[most];
        positions = new int[most];
        seconds = new boolean[most];
        firstTokens = new int[most + 1];
        weights = new CpuEncoderWeights(model, kernels, pool);
    }

    /** Most tokens that are computed together. */
    public static int stepTokens(EncoderSpec spec) {
        return Math.max(STEP_TOKENS, spec.contextTokens());
    }

    /** The memory that one of these takes on so many threads; it has no cache. */
    public static DeviceMemory memoryNeeded(EncoderModel model, CpuKernels kernels, int workers) {
        EncoderSpec spec = model.spec();
        int most = stepTokens(spec);
        long perToken = 4L * spec.embeddingSize() * Float.BYTES + 3L * Integer.BYTES + 1;
        long perWorker = HeadAttention.bytes(spec.headSize(), spec.contextTokens())
                + (long) spec.feedForwardSize() * Float.BYTES
                + kernels.scratchBytes(Math.max(spec.embeddingSize(), spec.feedForwardSize()));
        long buffers = most * perToken + workers * perWorker
                + 2 * kernels.activationBytes(most, spec.embeddingSize())
                + kernels.activationBytes(most, spec.feedForwardSize());
        long weights = CpuEncoderWeights.bytes(model, kernels);
        return new DeviceMemory(weights, weights - CpuEncoderWeights.lookedUpBytes(model, kernels),
                0, buffers);
    }

    @Override
    public float[][] encode(List<EncoderInput> all) {
        all.forEach(this::check);
        List<float[]> vectors = new ArrayList<>(all.size());
        for (int next = 0; next < all.size();) {
            clear();
            do {
                add(all.get(next++));
            } while (next < all.size() && count + all.get(next).length() <= tokens.length);
            run();
            for (int text = 0; text < texts; text++) {
                vectors.add(pooled(text));
            }
        }
        return vectors.toArray(float[][]::new);
    }

    private void check(EncoderInput text) {
        if (text.length() == 0 || text.length() > spec.contextTokens()) {
            throw new IllegalArgumentException("a text must have from 1 to "
                    + spec.contextTokens() + " tokens for " + spec.name() + ", got "
                    + text.length());
        }
        for (int token : text.tokens()) {
            if (token < 0 || token >= spec.vocabularySize()) {
                throw new IllegalArgumentException("there is no token " + token
                        + "; ids run from 0 to " + (spec.vocabularySize() - 1));
            }
        }
    }

    private void clear() {
        texts = 0;
        count = 0;
    }

    private void add(EncoderInput text) {
        for (int i = 0; i < text.length(); i++) {
            tokens[count] = text.tokens()[i];
            seconds[count] = i >= text.secondFrom();
            positions[count++] = i;
        }
        firstTokens[++texts] = count;
    }

    private void run() {
        forTokens((token, worker) -> embed(token));
        for (CpuEncoderWeights.Layer layer : weights.layers) {
            multiply(layer.query(), states, query);
            multiply(layer.key(), states, key);
            multiply(layer.value(), states, value);
            attend();
            forTokens((token, worker) -> kernels.prepare(attended, token));
            multiply(layer.attentionOutput(), attended, branch);
            forTokens((token, worker) -> close(layer.attentionNorm(), token));
            multiply(layer.up(), states, inner.values());
            forTokens(this::activate);
            multiply(layer.down(), inner, branch);
            forTokens((token, worker) -> close(layer.outputNorm(), token));
        }
    }

    /** What is done for one token by one worker. */
    @FunctionalInterface
    private interface TokenTask {
        void run(int token, int worker);
    }

    private void forTokens(TokenTask task) {
        pool.run((worker, workers) -> {
            int end = StepRegions.share(count, worker + 1, workers);
            for (int token = StepRegions.share(count, worker, workers); token < end; token++) {
                task.run(token, worker);
            }
        });
    }

    private void multiply(CpuLinear linear, Activations x, float[] y) {
        queue.reset(linear.tiles(), pool.workers());
        pool.run((worker, workers) -> {
            for (int first = queue.take(); first >= 0; first = queue.take()) {
                products.multiplyTiles(linear, x, count, y, first, queue.end(first));
            }
        });
    }

    private void embed(int token) {
        int offset = token * spec.embeddingSize();
        kernels.copyRow(weights.tokenEmbedding, tokens[token], states.values(), offset);
        boolean marked = seconds[token] && weights.secondPositions != null;
        kernels.add(states.values(), offset,
                marked ? weights.secondPositions : weights.positions,
                positions[token] * spec.embeddingSize(), spec.embeddingSize());
        norm(weights.embeddingNorm, token);
    }

    private void activate(int token, int worker) {
        kernels.gelu(inner.values(), token * spec.feedForwardSize(), spec.feedForwardSize(),
                scratch[worker]);
        kernels.prepare(inner, token);
    }

    /** Adds a branch to the states and norms the sum. */
    private void close(CpuEncoderWeights.Norm norm, int token) {
        int offset = token * spec.embeddingSize();
        kernels.add(states.values(), offset, branch, offset, spec.embeddingSize());
        norm(norm, token);
    }

    private void norm(CpuEncoderWeights.Norm norm, int token) {
        kernels.layerNorm(states.values(), token * spec.embeddingSize(), norm.weight(),
                norm.bias(), spec.normEpsilon());
        kernels.prepare(states, token);
    }

    private void attend() {
        queue.resetSingly(texts * spec.heads());
        pool.run((worker, workers) -> {
            for (int item = queue.take(); item >= 0; item = queue.take()) {
                int first = firstTokens[item / spec.heads()];
                int length = firstTokens[item / spec.heads() + 1] - first;
                int offset = first * spec.embeddingSize() + item % spec.heads() * spec.headSize();
                heads[worker].attend(query, key, value, attended.values(), offset,
                        spec.embeddingSize(), length);
            }
        });
    }

    private float[] pooled(int text) {
        int first = firstTokens[text];
        int end = firstTokens[text + 1];
        int width = spec.embeddingSize();
        float[] vector = switch (spec.pooling()) {
            case FIRST -> state(first);
            case LAST -> state(end - 1);
            case SCORE -> new float[]{weights.score.score(states.values(), first * width)};
            case MEAN -> {
                float[] sum = new float[width];
                for (int token = first; token < end; token++) {
                    kernels.add(sum, 0, states.values(), token * width, width);
                }
                kernels.scale(sum, 0, 1f / (end - first), width);
                yield sum;
            }
        };
        return spec.unitLength() ? UnitLength.scale(vector) : vector;
    }

    private float[] state(int token) {
        int offset = token * spec.embeddingSize();
        return Arrays.copyOfRange(states.values(), offset, offset + spec.embeddingSize());
    }

    @Override
    public void close() {
        weights.close();
    }
}
