package dev.millrace.models;

import dev.millrace.kernels.TensorShape;
import dev.millrace.models.gguf.GgufEntries;
import dev.millrace.models.gguf.GgufFileWriter;
import dev.millrace.models.gguf.GgufTensorType;

/** Writes a model as a GGUF file: its spec as metadata, and every weight that the spec needs. */
public final class GgufModelWriter {

    /** The version of the block layouts that the metadata states. */
    private static final int QUANTIZATION_VERSION = 2;

    /** What the weights hold. */
    public interface Contents {

        /** The type of a weight; a vector is F32 whatever the matrices are. */
        GgufTensorType type(WeightRole role, int layer, TensorShape shape);

        /** The weight's bytes. */
        GgufFileWriter.Source source(WeightRole role, int layer, GgufTensorType type,
                TensorShape shape);
    }

    private GgufModelWriter() {}

    /**
     * Declares a file with everything but a vocabulary, which the caller adds to the metadata.
     *
     * @throws IllegalArgumentException if a type does not fit the columns of a weight
     */
    public static GgufFileWriter declare(ModelSpec spec, Contents contents) {
        GgufFileWriter file = new GgufFileWriter();
        addMetadata(spec, file.metadata());
        add(file, spec, contents, WeightRole.TOKEN_EMBEDDING, Weights.NO_LAYER);
        for (int layer = 0; layer < spec.layers(); layer++) {
            for (WeightRole role : WeightRole.values()) {
                if (role.perLayer() && role.neededBy(spec)) {
                    add(file, spec, contents, role, layer);
                }
            }
        }
        add(file, spec, contents, WeightRole.OUTPUT_NORM, Weights.NO_LAYER);
        if (WeightRole.OUTPUT.neededBy(spec)) {
            add(file, spec, contents, WeightRole.OUTPUT, Weights.NO_LAYER);
        }
        return file;
    }

    private static void add(GgufFileWriter file, ModelSpec spec, Contents contents,
            WeightRole role, int layer) {
        TensorShape shape = role.shape(spec);
        GgufTensorType type = contents.type(role, layer, shape);
        file.tensor(GgufNames.of(role, layer), type, shape,
                contents.source(role, layer, type, shape));
    }

    private static void addMetadata(ModelSpec spec, GgufEntries metadata) {
        String prefix = spec.architecture() + ".";
        metadata.string("general.architecture", spec.architecture())
                .string("general.name", spec.name())
                .uint32("general.quantization_version", QUANTIZATION_VERSION)
                .uint32(prefix + "vocab_size", spec.vocabularySize())
                .uint32(prefix + "context_length", spec.contextTokens())
                .uint32(prefix + "embedding_length", spec.embeddingSize())
                .uint32(prefix + "feed_forward_length", spec.feedForwardSize())
                .uint32(prefix + "block_count", spec.layers())
                .uint32(prefix + "attention.head_count", spec.heads())
                .uint32(prefix + "attention.head_count_kv", spec.kvHeads())
                .uint32(prefix + "attention.key_length", spec.headSize())
                .uint32(prefix + "attention.value_length", spec.headSize())
                .float32(prefix + "attention.layer_norm_rms_epsilon", spec.normEpsilon())
                .uint32(prefix + "rope.dimension_count", spec.rope().dimensions())
                .float32(prefix + "rope.freq_base", spec.rope().base());
        if (spec.rope().scale() != 1) {
            metadata.string(prefix + "rope.scaling.type", "linear")
                    .float32(prefix + "rope.scaling.factor", 1 / spec.rope().scale());
        }
        if (spec.slidingWindowTokens() != 0) {
            metadata.uint32(prefix + "attention.sliding_window", spec.slidingWindowTokens());
        }
    }
}
