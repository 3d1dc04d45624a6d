package dev.millrace.engine.cuda;

import dev.millrace.engine.cuda.CudaLayer.Experts;
import dev.millrace.engine.cuda.CudaLayer.Gated;
import dev.millrace.kernels.GateFunction;
import dev.millrace.kernels.cuda.CudaCache;
import dev.millrace.kernels.cuda.CudaKernels;
import dev.millrace.kernels.cuda.CudaKernels.AttendStep;
import dev.millrace.kernels.cuda.CudaKernels.Between;
import dev.millrace.kernels.cuda.CudaKernels.StoreStep;
import dev.millrace.kernels.cuda.HeadNormKernels;
import dev.millrace.kernels.cuda.HeadNormKernels.Heads;
import dev.millrace.kernels.cuda.PreparedRows;
import dev.millrace.models.AttentionSpec.HeadNorm;
import dev.millrace.models.ExpertSpec;
import dev.millrace.models.FeedForwardSpec;
import dev.millrace.models.ModelSpec;

/**
 * Queues the kernels that take a step's tokens from ids through all layers. Between two branches
 * there is one kernel, which adds the one's output to the residual stream and norms it for the
 * next. Where several devices share the model, {@link ShardedWalk} calls for the pieces of
 * {@link #run} and has the devices exchange what they made between them.
 */
final class CudaTransformer {

    private final ModelSpec spec;
    private final CudaKernels kernels;
    private final CudaWeights weights;
    private final CudaCaches caches;
    private final CudaBuffers buffers;
    private final StepInputs inputs;
    private final CudaAdapters adapters;
    private final ModelSpec whole;
    private final HeadNormKernels headNorm; // null where the device has all heads of a norm

    private int tokens;

    /** @param spec of this device @param whole of all devices; the same where there is one */
    CudaTransformer(ModelSpec spec, ModelSpec whole, CudaKernels kernels, CudaWeights weights,
            CudaCaches caches, CudaBuffers buffers, StepInputs inputs,
            CudaAdapters adapters) {
        this.spec = spec;
        this.whole = whole;
        headNorm = buffers.devices > 1 && spec.attention().headNorm() == HeadNorm.ALL_HEADS
                ? new HeadNormKernels(kernels.device())
                : null;
        this.kernels = kernels;
        this.weights = weights;
        this.caches = caches;
        this.buffers = buffers;
        this.inputs = inputs;
        this.adapters = adapters;
    }

    /** Computes the inputs' tokens; the last layer's output will be in {@code buffers.hidden}. */
    void run() {
        begin();
        for (int layer = 0; layer < spec.layers(); layer++) {
            project(layer);
            attend(layer);
            feedForward(layer);
        }
        end();
    }

    /** Looks the tokens up. */
    void begin() {
        tokens = inputs.tokens();
        kernels.embed(weights.tokenEmbedding(), inputs.tokenIds(), tokens, buffers.hidden,
                spec.multipliers().embedding());
    }

    /** Adds the last branch to the stream. */
    void end() {
        kernels.add(between(true, postNorm(spec.layers() - 1), 0), tokens);
    }

    private long postNorm(int layer) {
        return layer < 0 ? 0 : weights.layers().get(layer).feedForwardPostNorm();
    }

    /** @param branch whether the buffer holds a branch's output */
    private Between between(boolean branch, long branchNorm, long norm) {
        return new Between(buffers.hidden, branch ? buffers.parts : 0, buffers.devices,
                spec.multipliers().residual(), branchNorm, norm, spec.norm().epsilon(),
                spec.embeddingSize());
    }

    /** Queries, keys and values of a layer. */
    void project(int index) {
        CudaLayer layer = weights.layers().get(index);
        kernels.addAndNorm(between(index > 0, postNorm(index - 1), layer.attentionNorm()), tokens,
                buffers.normed);
        kernels.multiply(layer.projections(), buffers.normed, tokens);
        adapters.addToAttention(index, buffers, tokens);
        if (headNorm != null) {
            headNorm.squares(heads(layer), buffers.squares, tokens);
        }
    }

    private Heads heads(CudaLayer layer) {
        return new Heads(buffers.query, buffers.key, layer.queryNorm(), layer.keyNorm(),
                spec.querySize(), spec.kvSize());
    }

    /** The first branch of a layer. */
    void attend(int index) {
        CudaLayer layer = weights.layers().get(index);
        boolean normed = headNorm != null;
        if (normed) {
            headNorm.norm(heads(layer), buffers.allSquares, buffers.devices,
                    whole.querySize(), whole.kvSize(), spec.norm().epsilon(), tokens);
        }
        CudaCache cache = caches.layer(index, inputs);
        kernels.store(new StoreStep(buffers.query, buffers.key, buffers.value,
                normed ? 0 : layer.queryNorm(), normed ? 0 : layer.keyNorm(),
                layer.rotary().cosines(),
                layer.rotary().sines(), inputs.positions(), inputs.sequences(), spec.heads(),
                layer.rotary().pairs(), layer.rotary().adjacent(),
                spec.attention().queryNormSize(), spec.attention().keyNormSize(),
                spec.norm().epsilon()), cache, tokens);
        AttendStep step = new AttendStep(buffers.query, inputs.positions(), inputs.sequences(),
                inputs.slots(), inputs.tiles(), layer.sinks(), buffers.attention,
                buffers.attended, spec.heads(), caches.windowTokens(index),
                spec.attention().scale(), spec.attention().softCap());
        long slots = buffers.attentionBytes / CudaKernels.attentionBytes(1, spec.heads(),
                spec.headSize(), inputs.pieces());
        kernels.attend(step, cache, inputs.attention((int) Math.min(slots, tokens)),
                buffers.attendedPrepared);
        kernels.multiply(layer.attentionOutput(), buffers.attendedPrepared, tokens);
        adapters.addToAttentionOutput(index, buffers, tokens);
    }

    /** The second branch of a layer. */
    void feedForward(int index) {
        CudaLayer layer = weights.layers().get(index);
        kernels.addAndNorm(between(true, layer.attentionPostNorm(), layer.feedForwardNorm()),
                tokens, buffers.normed);
        FeedForwardSpec network = layer.spec().feedForward();
        if (layer.experts() == null) {
            adaptedDense(index, layer.dense(), network.gate(), network.size());
            return;
        }
        ExpertSpec experts = network.experts();
        if (layer.dense() != null) {
            dense(layer.dense(), network.gate(), experts.sharedSize());
        }
        mixture(layer.experts(), network);
    }

    private void dense(Gated gated, GateFunction function, int width) {
        PreparedRows gates = buffers.gates(width, tokens);
        kernels.multiply(gated.gateAndUp(), buffers.normed, tokens);
        kernels.gate(function, buffers.gate, buffers.up, tokens, width, buffers.arrivals,
                gates);
        kernels.multiply(gated.down(), gates, tokens);
    }

    /** The network that adapters change, which one beside a mixture is not. */
    private void adaptedDense(int index, Gated gated, GateFunction function, int width) {
        PreparedRows gates = buffers.gates(width, tokens);
        kernels.multiply(gated.gateAndUp(), buffers.normed, tokens);
        adapters.addToGate(index, buffers, width, tokens);
        kernels.gate(function, buffers.gate, buffers.up, tokens, width, buffers.arrivals,
                gates);
        kernels.multiply(gated.down(), gates, tokens);
        adapters.addToDown(index, buffers, gates, width, tokens);
    }

    private void mixture(Experts mixture, FeedForwardSpec network) {
        ExpertSpec experts = network.experts();
        int rows = tokens * experts.chosen();
        kernels.multiply(mixture.router(), buffers.normed, tokens);
        kernels.route(buffers.routerLogits, buffers.routes, tokens, experts.count(),
                experts.chosen(), experts.normalised());
        kernels.multiplyExperts(mixture.networks().gateAndUp(), experts.count(),
                buffers.routes.firstRows(), buffers.routes.rowTokens(), buffers.normed, rows,
                tokens);
        PreparedRows gates = buffers.gates(network.size(), rows);
        kernels.gate(network.gate(), buffers.gate, buffers.up, rows, network.size(),
                buffers.arrivals, gates);
        kernels.multiplyExperts(mixture.networks().down(), experts.count(),
                buffers.routes.firstRows(), 0, gates, rows, tokens);
        long sharedLogits = 0;
        if (mixture.sharedRouter() != null) {
            kernels.multiply(mixture.sharedRouter(), buffers.normed, tokens);
            sharedLogits = buffers.sharedLogits;
        }
        kernels.mix(buffers.expertOut, buffers.routes, sharedLogits, buffers.branch, tokens,
                spec.embeddingSize(), experts.chosen());
    }
}
