package dev.millrace.models;

import dev.millrace.kernels.QuantTensor;
import dev.millrace.kernels.TensorShape;
import dev.millrace.models.gguf.GgufFileWriter;
import dev.millrace.models.gguf.GgufTensorType;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;

/** Writes a model as a GGUF file: its spec as metadata, and every weight that the spec needs. */
public final class GgufModelWriter {

    /** What the weights hold. */
    public interface Contents {

        /**
         * The type of a weight; a vector is F32 whatever the matrices are.
         *
         * @param shape of the weight; of all experts' weights of a role together
         */
        GgufTensorType type(WeightRole role, int layer, TensorShape shape);

        /** The weight's bytes. */
        GgufFileWriter.Source source(WeightRole role, int layer, GgufTensorType type,
                TensorShape shape);
    }

    private final GgufFileWriter file = new GgufFileWriter();
    private final ModelSpec spec;
    private final ModelFamily family;
    private final Contents contents;

    private GgufModelWriter(ModelSpec spec, Contents contents) {
        this.spec = spec;
        this.family = family(spec);
        this.contents = contents;
    }

    /**
     * Declares a file with everything but a vocabulary, which the caller adds to the metadata.
     *
     * @throws IllegalArgumentException if a type does not fit the columns of a weight, or the
     *                                  architecture is none that files have
     */
    public static GgufFileWriter declare(ModelSpec spec, Contents contents) {
        GgufModelWriter writer = new GgufModelWriter(spec, contents);
        GgufSpecWriter.write(spec, writer.family, writer.file.metadata());
        writer.addTensors();
        return writer.file;
    }

    /**
     * The spec of a directory's model in the words of GGUF files: their name for the family, and
     * Llama 3.1's rope scaling as divisors.
     */
    public static ModelSpec inFileWords(ModelSpec spec) {
        String architecture = HfFamily.of(spec.architecture())
                .map(family -> family.family().architecture()).orElse(spec.architecture());
        return spec.withArchitecture(architecture).withLayers(spec.layerSpecs().stream()
                .map(layer -> layer.rope() != null
                        && layer.rope().scaling() instanceof RopeScaling.Llama3 scaling
                                ? layer.withRope(layer.rope().withScaling(
                                        scaling.divisors(layer.rope())))
                                : layer)
                .toList());
    }

    /**
     * Whether files of the model's family have rotating pairs of queries and keys side by side.
     *
     * @throws IllegalArgumentException if the architecture is none that files have
     */
    public static boolean pairsAreAdjacent(ModelSpec spec) {
        return family(spec).ropeLayout() == RopeSpec.Layout.ADJACENT;
    }

    /** What files call the tensor that holds a weight. @param spec in the words of GGUF files */
    public static String tensorName(ModelSpec spec, WeightRole role, int layer) {
        return GgufNames.of(family(spec), role, layer);
    }

    private static ModelFamily family(ModelSpec spec) {
        return ModelFamily.of(spec.architecture()).orElseThrow(() -> new IllegalArgumentException(
                "GGUF has no architecture " + spec.architecture() + "; it has "
                        + ModelFamily.supported()));
    }

    private void addTensors() {
        add(WeightRole.TOKEN_EMBEDDING, Weights.NO_LAYER);
        if (spec.layer(0).rope() != null) {
            GgufSpecWriter.divisors(spec.layer(0).rope().scaling()).forEach(this::addDivisors);
        }
        for (int layer = 0; layer < spec.layers(); layer++) {
            for (WeightRole role : WeightRole.values()) {
                List<WeightRole> fused = GgufNames.fused(family, role);
                if (role.perLayer() && role.neededBy(spec, layer) && fused.getFirst() == role) {
                    add(role, layer);
                }
            }
        }
        add(WeightRole.OUTPUT_NORM, Weights.NO_LAYER);
        if (WeightRole.OUTPUT.neededBy(spec, Weights.NO_LAYER)) {
            add(WeightRole.OUTPUT, Weights.NO_LAYER);
        }
    }

    /** Adds the tensor of a role and of those that share it; the first one's type is theirs. */
    private void add(WeightRole role, int layer) {
        TensorShape shape = GgufNames.shape(family, role, spec, layer);
        GgufTensorType type = contents.type(role, layer, shape);
        List<PartSource> parts = new ArrayList<>();
        for (WeightRole part : GgufNames.fused(family, role)) {
            TensorShape partShape = role.perExpert() ? shape : part.shape(spec, layer);
            parts.add(new PartSource(contents.source(part, layer, type, partShape),
                    QuantTensor.bytes(type.format().orElseThrow(() -> unwritable(role, type)),
                            partShape)));
        }
        file.tensor(GgufNames.of(family, role, layer), type, shape,
                parts.size() == 1 ? parts.getFirst().source : oneAfterTheOther(parts));
    }

    private static IllegalArgumentException unwritable(WeightRole role, GgufTensorType type) {
        return new IllegalArgumentException("the " + role + " weight would be " + type
                + "; types that can be written are " + GgufTensorType.computable());
    }

    private record PartSource(GgufFileWriter.Source source, long bytes) {}

    /** The bytes of several sources; a piece may end one and begin the next. */
    private static GgufFileWriter.Source oneAfterTheOther(List<PartSource> parts) {
        ArrayDeque<PartSource> left = new ArrayDeque<>(parts);
        return piece -> {
            for (long filled = 0; filled < piece.byteSize();) {
                PartSource part = left.poll();
                long bytes = Math.min(part.bytes, piece.byteSize() - filled);
                part.source.fill(piece.asSlice(filled, bytes));
                filled += bytes;
                if (bytes < part.bytes) {
                    left.addFirst(new PartSource(part.source, part.bytes - bytes));
                }
            }
        };
    }

    private void addDivisors(String name, List<Float> divisors) {
        file.tensor(name, GgufTensorType.F32, TensorShape.vector(divisors.size()), piece -> {
            for (int i = 0; i < divisors.size(); i++) {
                piece.set(GgufSpecWriter.FLOAT, (long) i * Float.BYTES, divisors.get(i));
            }
        });
    }
}
