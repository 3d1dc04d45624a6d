package dev.millrace.bench.synth;

import dev.millrace.kernels.QuantFormat;
import dev.millrace.kernels.RandomWeights;
import dev.millrace.kernels.TensorShape;
import dev.millrace.models.GgufModelWriter;
import dev.millrace.models.ModelSpec;
import dev.millrace.models.TensorMixture;
import dev.millrace.models.WeightRole;
import dev.millrace.models.gguf.GgufFileWriter;
import dev.millrace.models.gguf.GgufTensorType;
import java.util.EnumMap;
import java.util.Map;
import java.util.SplittableRandom;

/**
 * A model with random weights: it computes as much as a trained one of its shape and says nothing.
 * Matrices deviate by one over the root of their columns, so that activations neither vanish nor
 * explode.
 */
final class SyntheticModel implements GgufModelWriter.Contents {

    private static final float NORM_DEVIATION = 0.1f;

    private final TensorMixture mixture;
    private final SplittableRandom seeds;
    private final Map<GgufTensorType, Integer> typeCounts = new EnumMap<>(GgufTensorType.class);

    private SyntheticModel(TensorMixture mixture, long seed) {
        this.mixture = mixture;
        this.seeds = new SplittableRandom(seed);
    }

    /**
     * A file to be written and the number of its tensors by type.
     *
     * @param typeCounts tensors of each type that occurs
     */
    record Declared(GgufFileWriter file, Map<GgufTensorType, Integer> typeCounts) {}

    /**
     * Declares a model with a vocabulary; nothing is generated before it is written.
     *
     * @throws IllegalArgumentException if the kernels lack a type of the mixture, or a row is not a
     *                                  whole number of its blocks
     */
    static Declared declare(ModelSpec spec, TensorMixture mixture, long seed) {
        SyntheticModel model = new SyntheticModel(mixture, seed);
        GgufFileWriter file = GgufModelWriter.declare(spec, model);
        if (mixture.fileType() >= 0) {
            file.metadata().uint32("general.file_type", mixture.fileType());
        }
        PlaceholderVocabulary.addTo(file.metadata(), spec.vocabularySize());
        return new Declared(file, model.typeCounts);
    }

    @Override
    public GgufTensorType type(WeightRole role, int layer, TensorShape shape) {
        return mixture.type(role, layer, shape);
    }

    @Override
    public GgufFileWriter.Source source(WeightRole role, int layer, GgufTensorType type,
            TensorShape shape) {
        typeCounts.merge(type, 1, Integer::sum);
        return weights(role, format(role, type, shape), shape, seeds.nextLong())::fill;
    }

    /** @throws IllegalArgumentException if the kernels lack the type */
    static QuantFormat format(WeightRole role, GgufTensorType type, TensorShape shape) {
        return type.format().orElseThrow(() -> new IllegalArgumentException(
                "the mixture makes " + role + " " + shape + " " + type
                        + ", which this version does not compute; choose another TYPE, or --pure"
                        + " with one of " + GgufTensorType.computable()));
    }

    /** A stream of what a weight consists of. */
    static RandomWeights weights(WeightRole role, QuantFormat format, TensorShape shape,
            long seed) {
        float mean = role.isNorm() ? 1 : 0;
        float deviation = role.isNorm()
                ? NORM_DEVIATION
                : (float) (1 / Math.sqrt(shape.columns()));
        return new RandomWeights(format, shape.columns(), mean, deviation, seed);
    }
}
