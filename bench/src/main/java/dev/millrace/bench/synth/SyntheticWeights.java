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
import java.util.Arrays;
import java.util.Locale;
import java.util.Objects;

/**
 * Random weights of a shape, made when they are asked for and the same every time: a model of any
 * size that takes no file, and of memory what its largest tensor does.
 */
public final class SyntheticWeights implements Weights {

    private static final int ALIGNMENT_BYTES = 64;

    private final ModelSpec spec;
    private final TensorMixture mixture;
    private final QuantFormat known;

    /** @param known what every matrix is that the mixture makes its plain format */
    private SyntheticWeights(ModelSpec spec, TensorMixture mixture, QuantFormat known) {
        this.spec = spec;
        this.mixture = mixture;
        this.known = known;
    }

    /**
     * Weights of a type: one that files of GGUF have, or of those that only directories have, such
     * as {@code int4-g128}, which every matrix is then.
     *
     * @param pure whether every matrix has the type itself
     * @throws IllegalArgumentException if there is no such type, or rows are no whole blocks of it
     */
    public static SyntheticWeights of(ModelSpec spec, String type, boolean pure) {
        QuantFormat known = Arrays.stream(QuantFormat.values())
                .filter(format -> !format.isPlain() && name(format).equals(type)).findFirst()
                .orElse(null);
        return new SyntheticWeights(spec, known == null
                ? TensorMixture.of(spec, type, pure)
                : TensorMixture.of(spec, known.plain().name(), true), known);
    }

    private static String name(QuantFormat format) {
        return format.name().toLowerCase(Locale.ROOT).replace('_', '-');
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
        QuantFormat format = SyntheticModel.format(role, mixture.type(role, layer, shape), shape);
        return known != null && format == known.plain() ? known : format;
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
