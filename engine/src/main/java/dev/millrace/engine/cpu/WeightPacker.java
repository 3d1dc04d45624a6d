package dev.millrace.engine.cpu;

import dev.millrace.engine.cpu.packed.PackedKey;
import dev.millrace.engine.forward.BackendException;
import dev.millrace.engine.forward.RotaryTable;
import dev.millrace.engine.forward.WeightShapes;
import dev.millrace.kernels.Dequantizer;
import dev.millrace.kernels.QuantTensor;
import dev.millrace.kernels.WorkerPool;
import dev.millrace.kernels.cpu.CpuKernels;
import dev.millrace.kernels.cpu.CpuMatrix;
import dev.millrace.models.ExpertSpec;
import dev.millrace.models.LayerSpec;
import dev.millrace.models.ModelSpec;
import dev.millrace.models.RopeSpec;
import dev.millrace.models.WeightRole;
import dev.millrace.models.Weights;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Packs a model's weights one by one, or takes them as packed before, and stops where they outgrow
 * the budget.
 */
final class WeightPacker {

    private final CpuKernels kernels;
    private final WorkerPool pool;
    private final ModelSpec spec;
    private final Weights weights;
    private final long limitBytes;
    private final KeptWeights kept;
    private final List<CpuMatrix> packed = new ArrayList<>();
    private long bytes;

    /**
     * @param limitBytes most that the packed weights may take
     * @param kept       what was packed before; stays the caller's
     */
    WeightPacker(CpuKernels kernels, WorkerPool pool, ModelSpec spec, Weights weights,
            long limitBytes, KeptWeights kept) {
        this.kernels = kernels;
        this.pool = pool;
        this.spec = spec;
        this.weights = weights;
        this.limitBytes = limitBytes;
        this.kept = kept;
    }

    /**
     * Packs all.
     *
     * @param rotary a table for every rotary embedding of the model
     * @throws BackendException if a weight has an unexpected shape or all are too much
     */
    CpuWeights pack(Map<RopeSpec, RotaryTable> rotary) {
        try {
            return packAll(rotary);
        } catch (RuntimeException | Error e) {
            packed.forEach(CpuMatrix::close);
            throw e;
        }
    }

    private CpuWeights packAll(Map<RopeSpec, RotaryTable> rotary) {
        CpuMatrix tokenEmbedding = matrix(WeightRole.TOKEN_EMBEDDING, Weights.NO_LAYER,
                Weights.NO_EXPERT);
        CpuMatrix output = spec.tiedEmbeddings()
                ? tokenEmbedding
                : matrix(WeightRole.OUTPUT, Weights.NO_LAYER, Weights.NO_EXPERT);
        float[] outputNorm = vector(WeightRole.OUTPUT_NORM, Weights.NO_LAYER, Weights.NO_EXPERT);
        List<CpuLayer> layers = new ArrayList<>();
        for (int layer = 0; layer < spec.layers(); layer++) {
            layers.add(layer(layer, rotary));
        }
        return new CpuWeights(tokenEmbedding, layers, outputNorm, output, bytes, packed);
    }

    private CpuLayer layer(int layer, Map<RopeSpec, RotaryTable> rotary) {
        LayerSpec layerSpec = spec.layer(layer);
        boolean mixed = layerSpec.feedForward().experts() != null;
        return new CpuLayer(layerSpec,
                layerSpec.rope() == null ? null : rotary.get(layerSpec.rope()),
                vector(WeightRole.ATTENTION_NORM, layer), attention(layer),
                vector(WeightRole.ATTENTION_POST_NORM, layer),
                vector(WeightRole.FEED_FORWARD_NORM, layer),
                mixed ? null : dense(layer), mixed ? experts(layer) : null,
                vector(WeightRole.FEED_FORWARD_POST_NORM, layer));
    }

    private CpuLayer.Attention attention(int layer) {
        return new CpuLayer.Attention(
                linear(WeightRole.QUERY, WeightRole.QUERY_BIAS, layer),
                linear(WeightRole.KEY, WeightRole.KEY_BIAS, layer),
                linear(WeightRole.VALUE, WeightRole.VALUE_BIAS, layer),
                linear(WeightRole.ATTENTION_OUTPUT, WeightRole.ATTENTION_OUTPUT_BIAS, layer),
                vector(WeightRole.QUERY_NORM, layer), vector(WeightRole.KEY_NORM, layer),
                vector(WeightRole.ATTENTION_SINKS, layer));
    }

    private CpuLayer.Gated dense(int layer) {
        return new CpuLayer.Gated(linear(WeightRole.GATE, WeightRole.GATE_BIAS, layer),
                linear(WeightRole.UP, WeightRole.UP_BIAS, layer),
                linear(WeightRole.DOWN, WeightRole.DOWN_BIAS, layer));
    }

    private CpuLayer.Experts experts(int layer) {
        CpuLinear router = linear(WeightRole.ROUTER, WeightRole.ROUTER_BIAS, layer);
        ExpertSpec experts = spec.layer(layer).feedForward().experts();
        CpuLayer.Gated[] networks = new CpuLayer.Gated[experts.count()];
        for (int expert = 0; expert < networks.length; expert++) {
            networks[expert] = new CpuLayer.Gated(
                    linear(WeightRole.EXPERT_GATE, WeightRole.EXPERT_GATE_BIAS, layer, expert),
                    linear(WeightRole.EXPERT_UP, WeightRole.EXPERT_UP_BIAS, layer, expert),
                    linear(WeightRole.EXPERT_DOWN, WeightRole.EXPERT_DOWN_BIAS, layer, expert));
        }
        if (experts.sharedSize() == 0) {
            return new CpuLayer.Experts(router, networks, null, null);
        }
        CpuLayer.Gated shared = new CpuLayer.Gated(linear(WeightRole.SHARED_GATE, null, layer),
                linear(WeightRole.SHARED_UP, null, layer),
                linear(WeightRole.SHARED_DOWN, null, layer));
        return new CpuLayer.Experts(router, networks, shared,
                linear(WeightRole.SHARED_ROUTER, null, layer));
    }

    private CpuLinear linear(WeightRole role, WeightRole biasRole, int layer) {
        return linear(role, biasRole, layer, Weights.NO_EXPERT);
    }

    /** @param biasRole null for a role whose products never have anything added */
    private CpuLinear linear(WeightRole role, WeightRole biasRole, int layer, int expert) {
        return new CpuLinear(matrix(role, layer, expert),
                biasRole == null ? null : vector(biasRole, layer, expert),
                CpuLinear.place(role, layer));
    }

    private CpuMatrix matrix(WeightRole role, int layer, int expert) {
        PackedKey key = new PackedKey(role, layer, expert, weights.format(role, layer, expert),
                role.shape(spec, layer));
        CpuMatrix before = kept.find(key);
        if (before != null) {
            packed.add(before);
            take(before.bytes());
            return before;
        }
        QuantTensor tensor = weights.get(role, layer, expert);
        WeightShapes.require(spec, role, layer, tensor);
        CpuMatrix matrix = kernels.pack(tensor, pool);
        packed.add(matrix);
        take(matrix.bytes());
        kept.note(key, matrix);
        if (matrix.bytes() > 0 && tensor.data().isMapped()) {
            tensor.data().unload(); // the copy serves from here on: once in memory, not twice
        }
        return matrix;
    }

    private float[] vector(WeightRole role, int layer) {
        return vector(role, layer, Weights.NO_EXPERT);
    }

    /** A vector in whatever format the file holds it, as floats; null if the model needs none. */
    private float[] vector(WeightRole role, int layer, int expert) {
        if (!role.neededBy(spec, layer)) {
            return null;
        }
        QuantTensor tensor = weights.get(role, layer, expert);
        WeightShapes.require(spec, role, layer, tensor);
        take(tensor.shape().columns() * Float.BYTES);
        float[] values = new float[Math.toIntExact(tensor.shape().columns())];
        new Dequantizer(tensor.format()).dequantize(tensor, 0, values.length, values, 0);
        return values;
    }

    private void take(long moreBytes) {
        bytes += moreBytes;
        if (bytes > limitBytes) {
            throw new BackendException("the weights of " + spec.name() + " take more than the "
                    + limitBytes + " bytes that the memory limit leaves for them (the file holds "
                    + weights.totalBytes()
                    + "); raise the memory limit or use a smaller quantisation");
        }
    }
}
