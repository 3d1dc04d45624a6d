package dev.millrace.engine.cpu;

import dev.millrace.engine.forward.MemoryBudget;
import dev.millrace.engine.forward.RotaryTable;
import dev.millrace.kernels.WorkerPool;
import dev.millrace.kernels.cpu.AttentionRule;
import dev.millrace.kernels.cpu.CpuKernels;
import dev.millrace.kernels.cpu.CpuKvCache;
import dev.millrace.models.LayerSpec;
import dev.millrace.models.ModelSpec;
import java.util.HashMap;
import java.util.Map;

/**
 * Takes a step's tokens from ids through all layers: embedding, then per layer attention and a
 * gated feed-forward network, each with a norm before and a residual around it (Touvron et al.,
 * "LLaMA", 2023). Families differ by switches of {@link ModelSpec} only.
 *
 * <p>Tasks are made once and read the current layer from fields, so that a step allocates nothing;
 * the pool orders those reads after the writes.
 */
final class CpuTransformer {

    private final ModelSpec spec;
    private final CpuKernels kernels;
    private final CpuProducts products;
    private final CpuWeights weights;
    private final CpuCaches caches;
    private final CpuBuffers buffers;
    private final StepLayout layout;
    private final StepRegions regions;
    private final CpuSelfAttention[] attention; // (layers): layers with the same window share one
    private final CpuSelfAttention[] attentionByWindow;
    private final CpuFeedForward feedForward;
    private final CpuExperts experts;
    private final float residual;

    private final WorkerPool.Task embed = this::embed;
    private final WorkerPool.Task normAttention = this::normAttention;
    private final WorkerPool.Task project = this::project;
    private final WorkerPool.Task rotateAndStore = this::rotateAndStore;
    private final WorkerPool.Task prepareAttended = this::prepareAttended;
    private final WorkerPool.Task closeAttention = this::closeAttention;
    private final WorkerPool.Task normFeedForward = this::normFeedForward;
    private final WorkerPool.Task closeLayer = this::closeLayer;
    private final CpuFeedForward.OutputListener closeFeedForward = this::addOutputs;

    private int layerIndex;
    private CpuLayer layer;

    CpuTransformer(ModelSpec spec, CpuKernels kernels, WorkerPool pool, CpuWeights weights,
            CpuCaches caches, CpuBuffers buffers, StepLayout layout, CpuAdapters adapters,
            MemoryBudget budget) {
        this.spec = spec;
        this.kernels = kernels;
        this.weights = weights;
        this.caches = caches;
        this.buffers = buffers;
        this.layout = layout;
        products = new CpuProducts(kernels, adapters);
        regions = new StepRegions(pool, layout);
        Map<Integer, CpuSelfAttention> byWindow = new HashMap<>();
        attention = new CpuSelfAttention[spec.layers()];
        for (int i = 0; i < attention.length; i++) {
            int group = caches.group(i);
            attention[i] = byWindow.computeIfAbsent(spec.layer(i).windowTokens(),
                    window -> new CpuSelfAttention(spec, rule(window, group), kernels, pool,
                            caches.cache(group), group, buffers, layout, budget));
        }
        attentionByWindow = byWindow.values().toArray(CpuSelfAttention[]::new);
        feedForward = new CpuFeedForward(kernels, products, regions, buffers, layout);
        experts = buffers.experts == null
                ? null
                : new CpuExperts(kernels, regions, buffers, layout, feedForward,
                        spec.embeddingSize());
        residual = spec.multipliers().residual();
    }

    private AttentionRule rule(int windowTokens, int group) {
        float[][] sinks = spec.attention().sinks()
                ? caches.layers(group).stream()
                        .map(layer -> weights.layers().get(layer).attention().sinks())
                        .toArray(float[][]::new)
                : null;
        return new AttentionRule(windowTokens, spec.attention().scale(),
                spec.attention().softCap(), sinks);
    }

    /** Computes the layout's tokens; the last layer's output is in {@code buffers.hidden}. */
    void run(LayerProbe probe) {
        for (CpuSelfAttention each : attentionByWindow) {
            each.plan();
        }
        regions.runByToken(embed);
        for (layerIndex = 0; layerIndex < spec.layers(); layerIndex++) {
            layer = weights.layers().get(layerIndex);
            regions.runByToken(normAttention);
            CpuLayer.Attention projections = layer.attention();
            runByTile(project, projections.query().tiles() + projections.key().tiles()
                    + projections.value().tiles(), spec.querySize() + 2 * spec.kvSize());
            regions.runByToken(rotateAndStore);
            attention[layerIndex].run(caches.index(layerIndex));
            regions.runByToken(prepareAttended);
            runByTile(closeAttention, projections.output().tiles(), spec.querySize());
            regions.runByToken(normFeedForward);
            runFeedForward();
            if (probe != null) {
                probe.afterLayer(layerIndex, buffers.hidden, layout.tokens, spec.embeddingSize());
            }
        }
    }

    private void runFeedForward() {
        if (layer.experts() != null) {
            experts.run(layer.experts(), layer.spec().feedForward());
        } else {
            feedForward.run(layer.dense(), layer.spec().feedForward().gate(), closeFeedForward);
        }
        if (layer.experts() != null || spec.norm().after()) {
            regions.runByToken(closeLayer);
        }
    }

    /** Runs a task that takes tiles of matrices between the embedding and this width together. */
    private void runByTile(WorkerPool.Task task, int tiles, long width) {
        regions.runFromQueue(task, tiles, layout.tokens * width * spec.embeddingSize());
    }

    /** What attention will take beside the other buffers, in bytes. */
    static long attentionBytes(ModelSpec spec, MemoryBudget budget, int workers) {
        return spec.layerSpecs().stream().map(LayerSpec::windowTokens).distinct().count()
                * CpuSelfAttention.bytes(spec, budget, workers);
    }

    private void embed(int worker, int workers) {
        float factor = spec.multipliers().embedding();
        int end = regions.share(worker + 1, workers);
        for (int token = regions.share(worker, workers); token < end; token++) {
            int offset = token * spec.embeddingSize();
            kernels.copyRow(weights.tokenEmbedding(), layout.tokenIds[token], buffers.hidden,
                    offset);
            if (factor != 1) {
                kernels.scale(buffers.hidden, offset, factor, spec.embeddingSize());
            }
        }
    }

    private void normAttention(int worker, int workers) {
        int begin = regions.share(worker, workers);
        int end = regions.share(worker + 1, workers);
        for (int token = begin; token < end; token++) {
            norm(layer.attentionNorm(), token);
        }
        products.begin(layer.attention().query(), buffers.normed, begin, end);
        products.begin(layer.attention().key(), buffers.normed, begin, end);
        products.begin(layer.attention().value(), buffers.normed, begin, end);
    }

    private void normFeedForward(int worker, int workers) {
        int begin = regions.share(worker, workers);
        int end = regions.share(worker + 1, workers);
        for (int token = begin; token < end; token++) {
            if (layer.attentionPostNorm() != null) {
                addNormed(layer.attentionPostNorm(), token);
            }
            norm(layer.feedForwardNorm(), token);
        }
        if (layer.dense() != null) {
            products.begin(layer.dense().gate(), buffers.normed, begin, end);
            products.begin(layer.dense().up(), buffers.normed, begin, end);
        }
    }

    /** Makes a branch's input of the residual stream. */
    private void norm(float[] weight, int token) {
        int offset = token * spec.embeddingSize();
        if (weight == null) {
            System.arraycopy(buffers.hidden, offset, buffers.normed.values(), offset,
                    spec.embeddingSize());
        } else {
            kernels.rmsNorm(buffers.hidden, offset, weight, spec.norm().epsilon(),
                    buffers.normed.values(), offset);
        }
        kernels.prepare(buffers.normed, token);
    }

    /** Norms a branch's output and adds it to the residual stream. */
    private void addNormed(float[] weight, int token) {
        int offset = token * spec.embeddingSize();
        kernels.rmsNorm(buffers.branch, offset, weight, spec.norm().epsilon(), buffers.branch,
                offset);
        addToResidual(offset, spec.embeddingSize());
    }

    private void addToResidual(int offset, int count) {
        if (residual == 1) {
            kernels.add(buffers.hidden, offset, buffers.branch, offset, count);
        } else {
            kernels.addScaled(buffers.hidden, offset, buffers.branch, offset, residual, count);
        }
    }

    private void project(int worker, int workers) {
        CpuLayer.Attention attention = layer.attention();
        int keyTile = attention.query().tiles();
        int valueTile = keyTile + attention.key().tiles();
        WorkQueue queue = regions.queue;
        for (int first = queue.take(); first >= 0; first = queue.take()) {
            int end = queue.end(first);
            project(attention.query(), buffers.query, first, end);
            project(attention.key(), buffers.key, first - keyTile, end - keyTile);
            project(attention.value(), buffers.value, first - valueTile, end - valueTile);
        }
    }

    private void project(CpuLinear linear, float[] out, int firstTile, int endTile) {
        products.multiplyTiles(linear, buffers.normed, layout.tokens, out, firstTile, endTile);
    }

    private void rotateAndStore(int worker, int workers) {
        int group = caches.group(layerIndex);
        CpuKvCache cache = caches.cache(group);
        int end = regions.share(worker + 1, workers);
        for (int token = regions.share(worker, workers); token < end; token++) {
            int query = token * spec.querySize();
            int key = token * spec.kvSize();
            if (layer.attention().queryNorm() != null) {
                normHeads(buffers.query, query, spec.querySize(), layer.attention().queryNorm());
                normHeads(buffers.key, key, spec.kvSize(), layer.attention().keyNorm());
            }
            if (layer.rotary() != null) {
                rotate(buffers.query, query, spec.heads(), layout.positions[token]);
                rotate(buffers.key, key, spec.kvHeads(), layout.positions[token]);
            }
            int block = layout.positions[token] / cache.blockTokens();
            int slot = layout.positions[token] % cache.blockTokens();
            kernels.store(cache, caches.index(layerIndex),
                    layout.blockTables[group][token][block], slot, buffers.key, buffers.value,
                    key);
        }
    }

    /** Norms as many elements at a time as the norm has weights: a head, or all heads. */
    private void normHeads(float[] heads, int offset, int size, float[] weight) {
        for (int i = offset; i < offset + size; i += weight.length) {
            kernels.rmsNorm(heads, i, weight, spec.norm().epsilon(), heads, i);
        }
    }

    private void rotate(float[] heads, int offset, int count, int position) {
        RotaryTable rotary = layer.rotary();
        int angles = position * rotary.pairs();
        for (int head = 0; head < count; head++) {
            kernels.rotate(heads, offset + head * spec.headSize(), rotary.cosines(),
                    rotary.sines(), angles, rotary.pairs(), rotary.adjacent());
        }
    }

    private void prepareAttended(int worker, int workers) {
        int begin = regions.share(worker, workers);
        int end = regions.share(worker + 1, workers);
        for (int token = begin; token < end; token++) {
            kernels.prepare(buffers.attended, token);
        }
        products.begin(layer.attention().output(), buffers.attended, begin, end);
    }

    private void closeAttention(int worker, int workers) {
        CpuLinear output = layer.attention().output();
        int tile = output.matrix().rowTile();
        WorkQueue queue = regions.queue;
        for (int first = queue.take(); first >= 0; first = queue.take()) {
            int begin = first * tile;
            int end = Math.min(queue.end(first) * tile, output.rows());
            products.multiply(output, buffers.attended, 0, layout.tokens, buffers.branch, begin,
                    end);
            addOutputs(begin, end);
        }
    }

    /** Adds outputs of a branch to the residual stream, unless the whole branch is normed first. */
    private void addOutputs(int begin, int end) {
        if (!spec.norm().after()) {
            for (int token = 0; token < layout.tokens; token++) {
                addToResidual(token * spec.embeddingSize() + begin, end - begin);
            }
        }
    }

    private void closeLayer(int worker, int workers) {
        int end = regions.share(worker + 1, workers);
        for (int token = regions.share(worker, workers); token < end; token++) {
            if (layer.feedForwardPostNorm() != null) {
                addNormed(layer.feedForwardPostNorm(), token);
            } else {
                addToResidual(token * spec.embeddingSize(), spec.embeddingSize());
            }
        }
    }
}
