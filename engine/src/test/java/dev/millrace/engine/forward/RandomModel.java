package dev.millrace.engine.forward;

import dev.millrace.kernels.QuantFormat;
import dev.millrace.kernels.QuantTensor;
import dev.millrace.kernels.RandomWeights;
import dev.millrace.kernels.TensorShape;
import dev.millrace.models.AttentionSpec;
import dev.millrace.models.FeedForwardSpec;
import dev.millrace.models.LayerSpec;
import dev.millrace.models.ModelSpec;
import dev.millrace.models.RopeScaling;
import dev.millrace.models.RopeSpec;
import dev.millrace.models.WeightRole;
import dev.millrace.models.Weights;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** A tiny model with random weights in memory: what its name says, and grouped queries. */
public final class RandomModel implements Weights {

    public static final int CONTEXT_TOKENS = 96;

    private record Key(WeightRole role, int layer, int expert) {}

    private final String name;
    private final ModelSpec spec;
    private final Map<Key, QuantTensor> tensors = new HashMap<>();

    RandomModel(String name, ModelSpec spec, QuantFormat format) {
        this.name = name;
        this.spec = spec;
        Random random = new Random(name.hashCode());
        for (WeightRole role : WeightRole.values()) {
            if (!role.perLayer()) {
                add(role, NO_LAYER, format, random);
            }
        }
        for (int layer = 0; layer < spec.layers(); layer++) {
            for (WeightRole role : WeightRole.values()) {
                if (role.perLayer()) {
                    add(role, layer, format, random);
                }
            }
        }
    }

    private void add(WeightRole role, int layer, QuantFormat format, Random random) {
        if (!role.neededBy(spec, layer)) {
            return;
        }
        int copies = role.perExpert() ? spec.layer(layer).feedForward().experts().count() : 1;
        for (int copy = 0; copy < copies; copy++) {
            tensors.put(new Key(role, layer, role.perExpert() ? copy : NO_EXPERT),
                    tensor(role, role.shape(spec, layer), format, random));
        }
    }

    private static QuantTensor tensor(WeightRole role, TensorShape shape, QuantFormat format,
            Random random) {
        float narrow = 1 / (float) Math.sqrt(shape.columns());
        return switch (role) {
            case TOKEN_EMBEDDING -> matrix(shape, format, 1, random);
            case OUTPUT -> matrix(shape, format, 4 * narrow, random);
            // Sharper than usual, so that attention does not wash out to a mean.
            case QUERY, KEY -> matrix(shape, format, 2 * narrow, random);
            // Sharper too, so that few tokens have experts that are nearly as good.
            case ROUTER -> matrix(shape, QuantFormat.F32, 4 * narrow, random);
            case ATTENTION_SINKS, ROUTER_BIAS -> vector(shape, 0, 1, random);
            case SHARED_ROUTER -> vector(shape, 0, narrow, random);
            case QUERY_BIAS, KEY_BIAS, VALUE_BIAS -> vector(shape, 0.5f, 0.1f, random);
            case ATTENTION_OUTPUT_BIAS, GATE_BIAS, UP_BIAS, DOWN_BIAS, EXPERT_GATE_BIAS,
                    EXPERT_UP_BIAS, EXPERT_DOWN_BIAS ->
                vector(shape, 0.1f, 0.3f, random);
            default -> shape.rows() == 1
                    ? vector(shape, 1, 0.2f, random)
                    : matrix(shape, format, narrow, random);
        };
    }

    private static QuantTensor matrix(TensorShape shape, QuantFormat format, float deviation,
            Random random) {
        return RandomWeights.tensor(Arena.ofAuto(), format, shape, deviation, random.nextLong());
    }

    private static QuantTensor vector(TensorShape shape, float mean, float deviation,
            Random random) {
        float[] values = new float[(int) shape.columns()];
        new RandomWeights(QuantFormat.F32, mean, deviation, random.nextLong())
                .fill(MemorySegment.ofArray(values));
        return QuantTensor.of(QuantFormat.F32, shape, MemorySegment.ofArray(values));
    }

    /** The plain one: grouped queries, rows that fill no vector exactly. */
    public static RandomModel plain() {
        return new RandomModel("plain F32", spec(QuantFormat.F32, ADJACENT), QuantFormat.F32);
    }

    /** Every switch of the walker, and every kind of weight format. */
    public static List<RandomModel> all() {
        List<RandomModel> models = new ArrayList<>(basic());
        models.addAll(RandomArchitectures.all());
        return models;
    }

    /** What a walker of the plain llama family must know. */
    public static List<RandomModel> basic() {
        ModelSpec plain = spec(QuantFormat.F32, ADJACENT);
        return List.of(plain(),
                new RandomModel("rotating halves", spec(QuantFormat.F32, HALVES), QuantFormat.F32),
                new RandomModel("attention bias", spec(QuantFormat.F32, HALVES)
                        .withAttention(plain.attention().withBias(true, false)), QuantFormat.F32),
                new RandomModel("tied embeddings", plain.withTiedEmbeddings(true),
                        QuantFormat.F32),
                new RandomModel("sliding window", plain.withLayers(plain.layerSpecs().stream()
                        .map(layer -> layer.withWindow(21)).toList()), QuantFormat.F32),
                new RandomModel("rope divisors", spec(QuantFormat.F32,
                        new RopeSpec(RopeSpec.Layout.HALVES, 12, 500_000,
                                new RopeScaling.Divisors(
                                        List.of(7.5f, 8.2f, 9.1f, 6.3f, 8.8f, 7.7f)))),
                        QuantFormat.F32),
                inFormat(QuantFormat.F16), inFormat(QuantFormat.BF16), inFormat(QuantFormat.Q4_0),
                inFormat(QuantFormat.Q8_0), inFormat(QuantFormat.Q2_K), inFormat(QuantFormat.Q4_K),
                inFormat(QuantFormat.Q5_K), inFormat(QuantFormat.Q6_K),
                inFormat(QuantFormat.IQ2_XXS), inFormat(QuantFormat.Q5_1),
                inFormat(QuantFormat.IQ4_NL), inFormat(QuantFormat.MXFP4),
                inFormat(QuantFormat.NVFP4));
    }

    public static RandomModel inFormat(QuantFormat format) {
        return new RandomModel("format " + format, spec(format, ADJACENT), format);
    }

    /** One whose columns can be shared out by blocks of 256. */
    public static RandomModel wide(QuantFormat format) {
        return new RandomModel("wide " + format, ModelSpec.uniform("llama", "random", 131,
                CONTEXT_TOKENS, 256, 1e-5f, AttentionSpec.of(8, 4, 64), 2,
                new LayerSpec(ADJACENT, FeedForwardSpec.dense(768))), format);
    }

    private static final RopeSpec ADJACENT = new RopeSpec(RopeSpec.Layout.ADJACENT, 16, 10_000);
    private static final RopeSpec HALVES = new RopeSpec(RopeSpec.Layout.HALVES, 16, 10_000);

    private static ModelSpec spec(QuantFormat format, RopeSpec rope) {
        boolean wideBlocks = format.blockElements() > 32;
        int heads = wideBlocks ? 16 : 6;
        return ModelSpec.uniform("llama", "random", 131, CONTEXT_TOKENS, wideBlocks ? 256 : 96,
                1e-5f, AttentionSpec.of(heads, heads / 2, 16), 3,
                new LayerSpec(rope, FeedForwardSpec.dense(wideBlocks ? 512 : 160)));
    }

    /** A copy of this model in which a token's embedding is not a number. */
    public RandomModel withPoisonedToken(int token) {
        RandomModel poisoned = new RandomModel(name, spec, QuantFormat.F32);
        poisoned.get(WeightRole.TOKEN_EMBEDDING).data().setAtIndex(ValueLayout.JAVA_FLOAT,
                (long) token * spec.embeddingSize(), Float.NaN);
        return poisoned;
    }

    /** The plain model's shape with another vocabulary. */
    public static RandomModel withVocabulary(int size) {
        return new RandomModel("vocabulary of " + size,
                plain().spec.withVocabularySize(size).withTiedEmbeddings(true), QuantFormat.F32);
    }

    public ModelSpec spec() {
        return spec;
    }

    @Override
    public QuantTensor find(WeightRole role, int layer, int expert) {
        return tensors.get(new Key(role, layer, expert));
    }

    @Override
    public long totalBytes() {
        return tensors.values().stream().mapToLong(tensor -> tensor.data().byteSize()).sum();
    }

    @Override
    public String toString() {
        return name;
    }
}
