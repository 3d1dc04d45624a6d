package dev.millrace.engine.cuda;

import dev.millrace.engine.cuda.CudaLayer.Experts;
import dev.millrace.engine.cuda.CudaLayer.Gated;
import dev.millrace.kernels.GateFunction;
import dev.millrace.kernels.cuda.CudaCache;
import dev.millrace.kernels.cuda.CudaKernels;
import dev.millrace.kernels.cuda.CudaKernels.AttendStep;
import dev.millrace.kernels.cuda.CudaKernels.Between;
import dev.millrace.kernels.cuda.CudaKernels.StoreStep;
import dev.millrace.kernels.cuda.PreparedRows;
import dev.millrace.models.ExpertSpec;
import dev.millrace.models.FeedForwardSpec;
import dev.millrace.models.ModelSpec;

/**
 * Queues the kernels that take a step's tokens from ids through all layers. Between two branches
 * there is one kernel, which adds the one's output to the residual stream and norms it for the
 * next.
 */
final class CudaTransformer {

    private final ModelSpec spec;
    private final CudaKernels kernels;
    private final CudaWeights weights;
    private final CudaCaches caches;
    private final CudaBuffers buffers;
    private final StepInputs inputs;

    private int tokens;

    CudaTransformer(ModelSpec spec, CudaKernels kernels, CudaWeights weights, CudaCaches caches,
            CudaBuffers buffers, StepInputs inputs) {
        this.spec = spec;
        this.kernels = kernels;
        this.weights = weights;
        this.caches = caches;
        this.buffers = buffers;
        this.inputs = inputs;
    }

    /** Computes the inputs' tokens; the last layer's output will be in {@code buffers.hidden}. */
    void run() {
        tokens = inputs.tokens();
        kernels.embed(weights.tokenEmbedding(), inputs.tokenIds(), tokens, buffers.hidden,
                spec.multipliers().embedding());
        long postNorm = 0;
        for (int index = 0; index < spec.layers(); index++) {
            CudaLayer layer = weights.layers().get(index);
            kernels.addAndNorm(between(index > 0, postNorm, layer.attentionNorm()), tokens,
                    buffers.normed);
            attend(index, layer);
            kernels.addAndNorm(between(true, layer.attentionPostNorm(),
                    layer.feedForwardNorm()), tokens, buffers.normed);
            feedForward(layer);
            postNorm = layer.feedForwardPostNorm();
        }
        kernels.add(between(true, postNorm, 0), tokens);
    }

    /** @param branch whether the buffer holds a branch's output */
    private Between between(boolean branch, long branchNorm, long norm) {
        return new Between(buffers.hidden, branch ? buffers.branch : 0,
                spec.multipliers().residual(), branchNorm, norm, spec.norm().epsilon(),
                spec.embeddingSize());
    }

    private void attend(int index, CudaLayer layer) {
        kernels.multiply(layer.projections(), buffers.normed, tokens);
        CudaCache cache = caches.layer(index, inputs);
        kernels.store(new StoreStep(buffers.query, buffers.key, buffers.value,
                layer.queryNorm(), layer.keyNorm(), layer.rotary().cosines(),
                layer.rotary().sines(), inputs.positions(), inputs.sequences(), spec.heads(),
                layer.rotary().pairs(), layer.rotary().adjacent(),
                spec.attention().queryNormSize(), spec.attention().keyNormSize(),
                spec.norm().epsilon()), cache, tokens);
        AttendStep step = new AttendStep(buffers.query, inputs.positions(), inputs.sequences(),
                layer.sinks(), buffers.attention, buffers.attended, spec.heads(),
                caches.windowTokens(index), spec.attention().scale(), spec.attention().softCap());
        int chunks = inputs.chunks();
        int most = (int) Math.min(tokens, buffers.attentionBytes
                / CudaKernels.attentionBytes(1, spec.heads(), spec.headSize(), chunks));
        for (int first = 0; first < tokens; first += most) {
            kernels.attend(step, cache, first, Math.min(most, tokens - first), chunks,
                    buffers.attendedPrepared);
        }
        kernels.multiply(layer.attentionOutput(), buffers.attendedPrepared, tokens);
    }

    private void feedForward(CudaLayer layer) {
        FeedForwardSpec network = layer.spec().feedForward();
        if (layer.experts() == null) {
            dense(layer.dense(), network.gate(), network.size());
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
        kernels.gate(function, buffers.gate, buffers.up, tokens, width, gates);
        kernels.multiply(gated.down(), gates, tokens);
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
        kernels.gate(network.gate(), buffers.gate, buffers.up, rows, network.size(), gates);
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
