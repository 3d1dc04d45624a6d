package dev.millrace.engine.cpu;

import dev.millrace.engine.forward.MemoryBudget;
import dev.millrace.kernels.WorkerPool;
import dev.millrace.kernels.cpu.Activations;
import dev.millrace.kernels.cpu.CpuKernels;
import dev.millrace.kernels.cpu.CpuKvCache;
import dev.millrace.kernels.cpu.CpuMatrix;
import dev.millrace.models.ModelSpec;
import dev.millrace.models.RopeSpec;

/**
 * Takes a step's tokens from ids through all layers: embedding, then per layer attention and a
 * gated feed-forward network, each with a norm before and a residual around it (Touvron et al.,
 * "LLaMA", 2023). Families differ by switches of {@link ModelSpec} only.
 *
 * <p>Tasks are made once and read the current layer from fields, so that a step allocates nothing;
 * the pool orders those reads after the writes.
 */
final class CpuTransformer {

    /** Below this many multiply-adds (about two microseconds) a region costs more than it saves. */
    private static final long SERIAL_MACS = 100_000;
    /** From this many tokens on, the work between the matrices is worth a region. */
    private static final int PARALLEL_TOKENS = 8;

    private final ModelSpec spec;
    private final CpuKernels kernels;
    private final WorkerPool pool;
    private final CpuWeights weights;
    private final RotaryTable rotary;
    private final CpuKvCache cache;
    private final CpuBuffers buffers;
    private final StepLayout layout;
    private final WorkQueue queue = new WorkQueue();
    private final CpuSelfAttention attention;
    private final boolean adjacentPairs;

    private final WorkerPool.Task embed = this::embed;
    private final WorkerPool.Task normAttention = this::normAttention;
    private final WorkerPool.Task project = this::project;
    private final WorkerPool.Task rotateAndStore = this::rotateAndStore;
    private final WorkerPool.Task prepareAttended = this::prepareAttended;
    private final WorkerPool.Task closeAttention = this::closeAttention;
    private final WorkerPool.Task normFeedForward = this::normFeedForward;
    private final WorkerPool.Task gateAndUp = this::gateAndUp;
    private final WorkerPool.Task prepareGate = this::prepareGate;
    private final WorkerPool.Task closeFeedForward = this::closeFeedForward;

    private int layerIndex;
    private CpuLayer layer;

    CpuTransformer(ModelSpec spec, CpuKernels kernels, WorkerPool pool, CpuWeights weights,
            RotaryTable rotary, CpuKvCache cache, CpuBuffers buffers, StepLayout layout,
            MemoryBudget budget) {
        this.spec = spec;
        this.kernels = kernels;
        this.pool = pool;
        this.weights = weights;
        this.rotary = rotary;
        this.cache = cache;
        this.buffers = buffers;
        this.layout = layout;
        attention = new CpuSelfAttention(spec, kernels, pool, cache, buffers, layout, budget);
        adjacentPairs = spec.rope().layout() == RopeSpec.Layout.ADJACENT;
    }

    /** Computes the layout's tokens; the last layer's output is in {@code buffers.hidden}. */
    void run(LayerProbe probe) {
        attention.plan();
        runByToken(embed);
        for (layerIndex = 0; layerIndex < spec.layers(); layerIndex++) {
            layer = weights.layers().get(layerIndex);
            runByToken(normAttention);
            runByTile(project, tiles(layer.query()) + tiles(layer.key()) + tiles(layer.value()),
                    spec.querySize() + 2 * spec.kvSize(), spec.embeddingSize());
            runByToken(rotateAndStore);
            attention.run(layerIndex);
            runByToken(prepareAttended);
            runByTile(closeAttention, tiles(layer.attentionOutput()), spec.embeddingSize(),
                    spec.querySize());
            runByToken(normFeedForward);
            runByTile(gateAndUp, Math.ceilDiv(spec.feedForwardSize(), gateAndUpTile()),
                    2 * spec.feedForwardSize(), spec.embeddingSize());
            runByToken(prepareGate);
            runByTile(closeFeedForward, tiles(layer.down()), spec.embeddingSize(),
                    spec.feedForwardSize());
            if (probe != null) {
                probe.afterLayer(layerIndex, buffers.hidden, layout.tokens, spec.embeddingSize());
            }
        }
    }

    /** Runs a task that splits the tokens evenly. */
    private void runByToken(WorkerPool.Task task) {
        if (layout.tokens < PARALLEL_TOKENS) {
            task.run(0, 1);
        } else {
            pool.run(task);
        }
    }

    /** Runs a task that takes tiles of matrices with this many outputs and inputs together. */
    private void runByTile(WorkerPool.Task task, int tiles, long outputs, long inputs) {
        runFromQueue(task, tiles, layout.tokens * outputs * inputs);
    }

    private void runFromQueue(WorkerPool.Task task, int items, long macs) {
        if (macs < SERIAL_MACS) {
            queue.reset(items, 1);
            task.run(0, 1);
        } else {
            queue.reset(items, pool.workers());
            pool.run(task);
        }
    }

    private void embed(int worker, int workers) {
        int end = share(worker + 1, workers);
        for (int token = share(worker, workers); token < end; token++) {
            kernels.copyRow(weights.tokenEmbedding(), layout.tokenIds[token], buffers.hidden,
                    token * spec.embeddingSize());
        }
    }

    private void normAttention(int worker, int workers) {
        norm(layer.attentionNorm(), worker, workers);
    }

    private void normFeedForward(int worker, int workers) {
        norm(layer.feedForwardNorm(), worker, workers);
    }

    private void norm(float[] weight, int worker, int workers) {
        int end = share(worker + 1, workers);
        for (int token = share(worker, workers); token < end; token++) {
            int offset = token * spec.embeddingSize();
            kernels.rmsNorm(buffers.hidden, offset, weight, spec.normEpsilon(),
                    buffers.normed.values(), offset);
            kernels.prepare(buffers.normed, token);
        }
    }

    private void project(int worker, int workers) {
        int keyTile = tiles(layer.query());
        int valueTile = keyTile + tiles(layer.key());
        for (int first = queue.take(); first >= 0; first = queue.take()) {
            int end = queue.end(first);
            project(layer.query(), layer.queryBias(), buffers.query, first, end);
            project(layer.key(), layer.keyBias(), buffers.key, first - keyTile, end - keyTile);
            project(layer.value(), layer.valueBias(), buffers.value, first - valueTile,
                    end - valueTile);
        }
    }

    /** Multiplies by those tiles in {@code [firstTile, endTile)} that the matrix has. */
    private void project(CpuMatrix matrix, float[] bias, float[] out, int firstTile, int endTile) {
        int begin = Math.max(firstTile, 0) * matrix.rowTile();
        int end = Math.min(endTile * matrix.rowTile(), matrix.rows());
        if (begin >= end) {
            return;
        }
        kernels.multiply(matrix, buffers.normed, layout.tokens, out, begin, end);
        if (bias != null) {
            for (int token = 0; token < layout.tokens; token++) {
                kernels.add(out, token * matrix.rows() + begin, bias, begin, end - begin);
            }
        }
    }

    private void rotateAndStore(int worker, int workers) {
        int headSize = spec.headSize();
        int end = share(worker + 1, workers);
        for (int token = share(worker, workers); token < end; token++) {
            int angles = layout.positions[token] * rotary.pairs();
            for (int head = 0; head < spec.heads(); head++) {
                rotate(buffers.query, token * spec.querySize() + head * headSize, angles);
            }
            for (int head = 0; head < spec.kvHeads(); head++) {
                rotate(buffers.key, token * spec.kvSize() + head * headSize, angles);
            }
            int block = layout.positions[token] / cache.blockTokens();
            int slot = layout.positions[token] % cache.blockTokens();
            kernels.store(cache, layerIndex, layout.blockTables[token][block], slot, buffers.key,
                    buffers.value, token * spec.kvSize());
        }
    }

    private void rotate(float[] heads, int offset, int angles) {
        kernels.rotate(heads, offset, rotary.cosines(), rotary.sines(), angles, rotary.pairs(),
                adjacentPairs);
    }

    private void prepareAttended(int worker, int workers) {
        prepare(buffers.attended, worker, workers);
    }

    private void prepareGate(int worker, int workers) {
        prepare(buffers.gate, worker, workers);
    }

    private void prepare(Activations activations, int worker, int workers) {
        int end = share(worker + 1, workers);
        for (int token = share(worker, workers); token < end; token++) {
            kernels.prepare(activations, token);
        }
    }

    private void closeAttention(int worker, int workers) {
        addBranch(layer.attentionOutput(), buffers.attended);
    }

    private void closeFeedForward(int worker, int workers) {
        addBranch(layer.down(), buffers.gate);
    }

    /** Multiplies tiles of a branch's last matrix and adds them to the residual stream. */
    private void addBranch(CpuMatrix matrix, Activations in) {
        for (int first = queue.take(); first >= 0; first = queue.take()) {
            int begin = first * matrix.rowTile();
            int end = Math.min(queue.end(first) * matrix.rowTile(), matrix.rows());
            kernels.multiply(matrix, in, layout.tokens, buffers.branch, begin, end);
            for (int token = 0; token < layout.tokens; token++) {
                int offset = token * matrix.rows() + begin;
                kernels.add(buffers.hidden, offset, buffers.branch, offset, end - begin);
            }
        }
    }

    private void gateAndUp(int worker, int workers) {
        int tile = gateAndUpTile();
        int width = spec.feedForwardSize();
        float[] gate = buffers.gate.values();
        for (int first = queue.take(); first >= 0; first = queue.take()) {
            int begin = first * tile;
            int end = Math.min(queue.end(first) * tile, width);
            kernels.multiply(layer.gate(), buffers.normed, layout.tokens, gate, begin, end);
            kernels.multiply(layer.up(), buffers.normed, layout.tokens, buffers.up, begin, end);
            for (int token = 0; token < layout.tokens; token++) {
                kernels.siluMultiply(gate, buffers.up, token * width + begin, end - begin);
            }
        }
    }

    /** A run of outputs that is whole tiles of both matrices. */
    private int gateAndUpTile() {
        int gateTile = layer.gate().rowTile();
        int upTile = layer.up().rowTile();
        int tile = Math.max(gateTile, upTile);
        return tile % Math.min(gateTile, upTile) == 0 ? tile : gateTile * upTile;
    }

    private static int tiles(CpuMatrix matrix) {
        return Math.ceilDiv(matrix.rows(), matrix.rowTile());
    }

    /** The first token of a worker's share. */
    private int share(int worker, int workers) {
        return (int) ((long) layout.tokens * worker / workers);
    }
}
