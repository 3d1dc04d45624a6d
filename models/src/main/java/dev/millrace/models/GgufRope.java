package dev.millrace.models;

import dev.millrace.kernels.TensorShape;
import dev.millrace.models.gguf.GgufFile;
import dev.millrace.models.gguf.GgufMetadata;
import dev.millrace.models.gguf.GgufTensor;
import dev.millrace.models.gguf.GgufTensorType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.UnaryOperator;

/** Reads rotary position embeddings from a GGUF file: metadata, and divisors kept as tensors. */
final class GgufRope {

    private static final float DEFAULT_BETA_FAST = 32;
    private static final float DEFAULT_BETA_SLOW = 1;
    static final String DIVISORS = "rope_freqs.weight";
    static final String SHORT_DIVISORS = "rope_factors_short.weight";
    static final String LONG_DIVISORS = "rope_factors_long.weight";
    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED
            .withOrder(ByteOrder.LITTLE_ENDIAN);

    private final GgufFile file;
    private final GgufMetadata metadata;
    private final ModelFamily family;
    private final UnaryOperator<String> key;
    private final int dimensions;

    /** @param key a metadata key of the architecture from its last part */
    GgufRope(GgufFile file, ModelFamily family, UnaryOperator<String> key, int headSize) {
        this.file = file;
        this.metadata = file.metadata();
        this.family = family;
        this.key = key;
        dimensions = metadata.size(key.apply("rope.dimension_count")).orElse(headSize);
        if (dimensions % 2 != 0 || dimensions > headSize) {
            throw metadata.wrong(key.apply("rope.dimension_count"), dimensions,
                    "even and at most the head size, " + headSize);
        }
    }

    /** The names of the tensors that hold divisors, as far as the file has them. */
    static List<String> tensors(GgufFile file) {
        return List.of(DIVISORS, SHORT_DIVISORS, LONG_DIVISORS).stream()
                .filter(name -> file.find(name).isPresent()).toList();
    }

    /** Of layers that look back all the way. */
    RopeSpec everywhere() {
        return new RopeSpec(family.ropeLayout(), dimensions,
                base("rope.freq_base", ModelFamily.DEFAULT_ROPE_BASE),
                scaling());
    }

    /** Of layers with a window, in families where some have none. */
    RopeSpec inWindow() {
        RopeSpec everywhere = everywhere();
        return switch (family) {
            // llama.cpp's defaults: a base of its own, and no scaling.
            case GEMMA3 -> new RopeSpec(family.ropeLayout(), dimensions,
                    base("rope.freq_base_swa", ModelFamily.DEFAULT_ROPE_BASE));
            default -> new RopeSpec(family.ropeLayout(), dimensions,
                    base("rope.freq_base_swa", everywhere.base()), everywhere.scaling());
        };
    }

    private float base(String suffix, float fallback) {
        return metadata.positive(key.apply(suffix)).orElse(fallback);
    }

    private RopeScaling scaling() {
        String typeKey = key.apply("rope.scaling.type");
        String type = metadata.string(typeKey).orElse("linear");
        if (file.find(LONG_DIVISORS).isPresent()) {
            return longRope(); // whatever the metadata calls it; converters leave the type out
        }
        return switch (type) {
            case "none" -> divided(1);
            case "linear" -> divided(factor());
            case "yarn" -> yarn();
            case "longrope" -> longRope();
            default -> throw metadata.wrong(typeKey, type,
                    "\"none\", \"linear\", \"yarn\" or \"longrope\"");
        };
    }

    private float factor() {
        return metadata.positive(metadata.has(key.apply("rope.scaling.factor"))
                ? key.apply("rope.scaling.factor")
                : key.apply("rope.scale_linear")).orElse(1f);
    }

    /** Llama 3.1's scaling reaches a file as a tensor of divisors, with no metadata. */
    private RopeScaling divided(float factor) {
        refuseAmplitude();
        Optional<GgufTensor> tensor = file.find(DIVISORS);
        if (tensor.isPresent()) {
            return new RopeScaling.Divisors(floats(tensor.get()).stream()
                    .map(divisor -> divisor * factor).toList());
        }
        return factor == 1 ? RopeScaling.NONE : new RopeScaling.Linear(factor);
    }

    private RopeScaling yarn() {
        float factor = factor();
        return new RopeScaling.Yarn(factor, originalTokens(),
                metadata.positive(key.apply("rope.scaling.yarn_beta_fast"))
                        .orElse(DEFAULT_BETA_FAST),
                metadata.positive(key.apply("rope.scaling.yarn_beta_slow"))
                        .orElse(DEFAULT_BETA_SLOW),
                RopeScaling.yarnAmplitude(factor) * metadata
                        .positive(key.apply("rope.scaling.attn_factor")).orElse(1f),
                family.roundsYarn());
    }

    /** Phi 3's scaling: two tensors of divisors. */
    private RopeScaling longRope() {
        return new RopeScaling.LongRope(requiredFloats(SHORT_DIVISORS),
                requiredFloats(LONG_DIVISORS), originalTokens(),
                metadata.positive(key.apply("rope.scaling.attn_factor")).orElse(1f));
    }

    private int originalTokens() {
        return metadata.size(key.apply("rope.scaling.original_context_length"))
                .orElseGet(() -> metadata.requiredSize(key.apply("context_length")));
    }

    private void refuseAmplitude() {
        String name = key.apply("rope.scaling.attn_factor");
        float amplitude = metadata.positive(name).orElse(1f);
        if (amplitude != 1) {
            throw metadata.wrong(name, amplitude, "1 without yarn or longrope");
        }
    }

    private List<Float> requiredFloats(String name) {
        return floats(file.find(name).orElseThrow(() -> new ModelException(
                file.source() + " lacks the tensor " + name + ", which longrope needs")));
    }

    private List<Float> floats(GgufTensor tensor) {
        TensorShape expected = TensorShape.vector(dimensions / 2);
        if (!tensor.shape().equals(expected)) {
            throw new ModelException(file.source() + ": tensor " + tensor.name() + " is "
                    + tensor.shape() + ", but the metadata asks for " + expected);
        }
        if (tensor.type() != GgufTensorType.F32) {
            throw new ModelException(file.source() + ": tensor " + tensor.name() + " is "
                    + tensor.type() + "; divisors of rotary frequencies must be F32");
        }
        MemorySegment data = file.blocks(tensor);
        List<Float> values = new ArrayList<>();
        for (int i = 0; i < dimensions / 2; i++) {
            float value = data.get(FLOAT, (long) i * Float.BYTES);
            if (!(value > 0 && value <= Float.MAX_VALUE)) {
                throw new ModelException(file.source() + ": tensor " + tensor.name() + " holds "
                        + value + "; divisors of rotary frequencies must be above 0");
            }
            values.add(value);
        }
        return values;
    }
}
