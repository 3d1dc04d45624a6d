package dev.millrace.bench.synth;

import dev.millrace.kernels.QuantFormat;
import dev.millrace.kernels.QuantTensor;
import dev.millrace.kernels.TensorShape;
import dev.millrace.models.ExpertSpec;
import dev.millrace.models.ModelSpec;
import dev.millrace.models.TensorMixture;
import dev.millrace.models.WeightRole;
import dev.millrace.models.Weights;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Objects;

/**
 * Random weights of a shape, made when they are asked for and the same every time: a model of any
 * size that takes no file, and of memory what its largest tensor does.
 */
public final class SyntheticWeights implements Weights {

    private static final int ALIGNMENT_BYTES = 64;

    private final ModelSpec spec;
    private final TensorMixture mixture;

    public SyntheticWeights(ModelSpec spec, TensorMixture mixture) {
        this.spec = spec;
        this.mixture = mixture;
    }

    @Override
    public QuantTensor find(WeightRole role, int layer, int expert) {
        QuantFormat wanted = format(role, layer, expert);
        if (wanted == null) {
            return null;
        }
        TensorShape shape = role.shape(spec, layer);
        MemorySegment data = Arena.ofAuto().allocate(QuantTensor.bytes(wanted, shape),
                ALIGNMENT_BYTES);
        SyntheticModel.weights(role, wanted, shape, Objects.hash(role.name(), layer, expert))
                .fill(data);
        return QuantTensor.of(wanted, shape, data);
    }

    @Override
    public QuantFormat format(WeightRole role, int layer, int expert) {
        if (!role.neededBy(spec, layer)) {
            return null;
        }
        TensorShape shape = role.shape(spec, layer);
        return SyntheticModel.format(role, mixture.type(role, layer, shape), shape);
    }

    @Override
    public long totalBytes() {
        long sum = 0;
        for (WeightRole role : WeightRole.values()) {
            for (int layer = 0; layer < (role.perLayer() ? spec.layers() : 1); layer++) {
                int place = role.perLayer() ? layer : NO_LAYER;
                if (role.neededBy(spec, place)) {
                    sum += copies(role, place) * QuantTensor.bytes(
                            format(role, place, NO_EXPERT), role.shape(spec, place));
                }
            }
        }
        return sum;
    }

    private long copies(WeightRole role, int layer) {
        ExpertSpec experts = role.perExpert() ? spec.layer(layer).feedForward().experts() : null;
        return experts == null ? 1 : experts.count();
    }
}
