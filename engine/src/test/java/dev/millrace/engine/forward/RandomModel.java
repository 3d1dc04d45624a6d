package dev.millrace.engine.forward;

import dev.millrace.kernels.QuantFormat;
import dev.millrace.kernels.QuantTensor;
import dev.millrace.kernels.RandomWeights;
import dev.millrace.kernels.TensorShape;
import dev.millrace.models.ModelSpec;
import dev.millrace.models.ModelSpec.Activation;
import dev.millrace.models.RopeSpec;
import dev.millrace.models.WeightRole;
import dev.millrace.models.Weights;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** A tiny model with random weights in memory: what its name says, and grouped queries. */
public final class RandomModel implements Weights {

    public static final int CONTEXT_TOKENS = 96;

    private record Key(WeightRole role, int layer) {}

    private final String name;
    private final ModelSpec spec;
    private final Map<Key, QuantTensor> tensors = new HashMap<>();

    private RandomModel(String name, ModelSpec spec, QuantFormat format, boolean ropeFactors) {
        this.name = name;
        this.spec = spec;
        Random random = new Random(name.hashCode());
        int embedding = spec.embeddingSize();
        matrix(WeightRole.TOKEN_EMBEDDING, NO_LAYER, spec.vocabularySize(), embedding, format, 1,
                random);
        if (!spec.tiedEmbeddings()) {
            matrix(WeightRole.OUTPUT, NO_LAYER, spec.vocabularySize(), embedding, format,
                    4 / (float) Math.sqrt(embedding), random);
        }
        vector(WeightRole.OUTPUT_NORM, NO_LAYER, embedding, 1, random);
        if (ropeFactors) {
            vector(WeightRole.ROPE_FACTORS, NO_LAYER, spec.rope().dimensions() / 2, 4, random);
        }
        for (int layer = 0; layer < spec.layers(); layer++) {
            fillLayer(layer, format, random);
        }
    }

    private void fillLayer(int layer, QuantFormat format, Random random) {
        int embedding = spec.embeddingSize();
        int feedForward = spec.feedForwardSize();
        float narrow = 1 / (float) Math.sqrt(embedding);
        vector(WeightRole.ATTENTION_NORM, layer, embedding, 1, random);
        // Sharper than usual, so that attention does not wash out to a mean.
        matrix(WeightRole.QUERY, layer, spec.querySize(), embedding, format, 2 * narrow, random);
        matrix(WeightRole.KEY, layer, spec.kvSize(), embedding, format, 2 * narrow, random);
        matrix(WeightRole.VALUE, layer, spec.kvSize(), embedding, format, narrow, random);
        if (spec.attentionBias()) {
            vector(WeightRole.QUERY_BIAS, layer, spec.querySize(), 0.5f, random);
            vector(WeightRole.KEY_BIAS, layer, spec.kvSize(), 0.5f, random);
            vector(WeightRole.VALUE_BIAS, layer, spec.kvSize(), 0.5f, random);
        }
        matrix(WeightRole.ATTENTION_OUTPUT, layer, embedding, spec.querySize(), format,
                1 / (float) Math.sqrt(spec.querySize()), random);
        vector(WeightRole.FEED_FORWARD_NORM, layer, embedding, 1, random);
        matrix(WeightRole.GATE, layer, feedForward, embedding, format, narrow, random);
        matrix(WeightRole.UP, layer, feedForward, embedding, format, narrow, random);
        matrix(WeightRole.DOWN, layer, embedding, feedForward, format,
                1 / (float) Math.sqrt(feedForward), random);
    }

    private void matrix(WeightRole role, int layer, int rows, int columns, QuantFormat format,
            float deviation, Random random) {
        tensors.put(new Key(role, layer), RandomWeights.tensor(Arena.ofAuto(), format,
                TensorShape.matrix(rows, columns), deviation, random.nextLong()));
    }

    private void vector(WeightRole role, int layer, int size, float mean, Random random) {
        float[] values = new float[size];
        new RandomWeights(QuantFormat.F32, mean, mean * 0.2f, random.nextLong())
                .fill(MemorySegment.ofArray(values));
        tensors.put(new Key(role, layer), QuantTensor.of(QuantFormat.F32, TensorShape.vector(size),
                MemorySegment.ofArray(values)));
    }

    /** The plain one: grouped queries, rows that fill no vector exactly. */
    public static RandomModel plain() {
        return of("plain F32", QuantFormat.F32, ADJACENT, false, false, 0);
    }

    /** Every switch of the walker, and every weight format. */
    public static List<RandomModel> all() {
        return List.of(plain(),
                of("rotating halves", QuantFormat.F32, HALVES, false, false, 0),
                of("attention bias", QuantFormat.F32, HALVES, true, false, 0),
                of("tied embeddings", QuantFormat.F32, ADJACENT, false, true, 0),
                of("sliding window", QuantFormat.F32, ADJACENT, false, false, 21),
                new RandomModel("rope factors", spec(QuantFormat.F32,
                        new RopeSpec(RopeSpec.Layout.HALVES, 12, 500_000, 0.5f), false, false, 0),
                        QuantFormat.F32, true),
                inFormat(QuantFormat.F16), inFormat(QuantFormat.BF16), inFormat(QuantFormat.Q4_0),
                inFormat(QuantFormat.Q8_0), inFormat(QuantFormat.Q2_K), inFormat(QuantFormat.Q4_K),
                inFormat(QuantFormat.Q5_K), inFormat(QuantFormat.Q6_K),
                inFormat(QuantFormat.IQ2_XXS), inFormat(QuantFormat.Q5_1),
                inFormat(QuantFormat.IQ4_NL), inFormat(QuantFormat.MXFP4),
                inFormat(QuantFormat.NVFP4));
    }

    public static RandomModel inFormat(QuantFormat format) {
        return of("format " + format, format, ADJACENT, false, false, 0);
    }

    private static final RopeSpec ADJACENT = new RopeSpec(RopeSpec.Layout.ADJACENT, 16, 10_000, 1);
    private static final RopeSpec HALVES = new RopeSpec(RopeSpec.Layout.HALVES, 16, 10_000, 1);

    private static RandomModel of(String name, QuantFormat format, RopeSpec rope, boolean bias,
            boolean tied, int window) {
        return new RandomModel(name, spec(format, rope, bias, tied, window), format, false);
    }

    private static ModelSpec spec(QuantFormat format, RopeSpec rope, boolean bias, boolean tied,
            int window) {
        boolean wideBlocks = format.blockElements() > 32;
        int headSize = 16;
        int heads = wideBlocks ? 16 : 6;
        return new ModelSpec("llama", "random", 131, CONTEXT_TOKENS, 3, wideBlocks ? 256 : 96,
                wideBlocks ? 512 : 160, heads, heads / 2, headSize, 1e-5f, rope, Activation.SILU,
                bias, tied, window);
    }

    /** A copy of this model in which a token's embedding is not a number. */
    public RandomModel withPoisonedToken(int token) {
        RandomModel poisoned = new RandomModel(name, spec, QuantFormat.F32, false);
        poisoned.get(WeightRole.TOKEN_EMBEDDING).data().setAtIndex(ValueLayout.JAVA_FLOAT,
                (long) token * spec.embeddingSize(), Float.NaN);
        return poisoned;
    }

    /** The plain model's shape with another vocabulary. */
    public static RandomModel withVocabulary(int size) {
        ModelSpec base = plain().spec;
        return new RandomModel("vocabulary of " + size, new ModelSpec(base.architecture(),
                base.name(), size, base.contextTokens(), base.layers(), base.embeddingSize(),
                base.feedForwardSize(), base.heads(), base.kvHeads(), base.headSize(),
                base.normEpsilon(), base.rope(), base.activation(), false, true, 0),
                QuantFormat.F32, false);
    }

    public ModelSpec spec() {
        return spec;
    }

    @Override
    public QuantTensor find(WeightRole role, int layer) {
        return tensors.get(new Key(role, layer));
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
