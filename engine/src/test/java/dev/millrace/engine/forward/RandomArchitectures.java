package dev.millrace.engine.forward;

import dev.millrace.kernels.GateFunction;
import dev.millrace.kernels.QuantFormat;
import dev.millrace.models.AttentionSpec;
import dev.millrace.models.AttentionSpec.HeadNorm;
import dev.millrace.models.ExpertSpec;
import dev.millrace.models.FeedForwardSpec;
import dev.millrace.models.LayerSpec;
import dev.millrace.models.ModelSpec;
import dev.millrace.models.MultiplierSpec;
import dev.millrace.models.NormSpec;
import dev.millrace.models.NormSpec.Placement;
import dev.millrace.models.RopeScaling;
import dev.millrace.models.RopeSpec;
import java.util.List;
import java.util.function.IntFunction;
import java.util.stream.IntStream;

/** Random models with the switches of families beyond llama, at awkward sizes. */
final class RandomArchitectures {

    private static final int LAYERS = 4;
    private static final int EMBEDDING = 76;
    private static final int HEAD_SIZE = 14;
    private static final RopeSpec ROPE = new RopeSpec(RopeSpec.Layout.HALVES, HEAD_SIZE, 10_000);
    private static final AttentionSpec ATTENTION = AttentionSpec.of(6, 2, HEAD_SIZE);
    private static final FeedForwardSpec NETWORK = FeedForwardSpec.dense(90);
    private static final LayerSpec LAYER = new LayerSpec(ROPE, NETWORK);
    private static final ExpertSpec EXPERTS = ExpertSpec.of(7, 3);

    private RandomArchitectures() {}

    static List<RandomModel> all() {
        return List.of(
                model("norms of heads, as qwen3", spec().withAttention(
                        ATTENTION.withHeadNorm(HeadNorm.EACH_HEAD))),
                model("norms after branches, as olmo2", spec()
                        .withNorm(new NormSpec(1e-6f, Placement.AFTER))
                        .withAttention(ATTENTION.withHeadNorm(HeadNorm.ALL_HEADS))),
                model("norms around branches, as gemma 3", gemma3()),
                model("caps on scores and logits, as gemma 2", gemma2()),
                model("factors, as granite", spec().withAttention(ATTENTION.withScale(0.21f))
                        .withMultipliers(new MultiplierSpec(6, 0.3f, 0.25f, 0))),
                model("layers without positions, as smollm3", spec().withLayers(
                        layers(layer -> layer % 4 == 3 ? LAYER.withRope(null) : LAYER))),
                model("biases everywhere", spec().withAttention(ATTENTION.withBias(true, true))
                        .withLayers(layers(layer -> LAYER.withFeedForward(
                                NETWORK.withBias(true))))),
                model("experts, as mixtral", spec().withLayers(layers(
                        layer -> LAYER.withFeedForward(NETWORK.withExperts(EXPERTS))))),
                model("shared and dense networks, as qwen2-moe", spec().withLayers(layers(
                        layer -> layer == 0
                                ? LAYER
                                : LAYER.withFeedForward(FeedForwardSpec.dense(33).withExperts(
                                        EXPERTS.withNormalised(false).withSharedSize(57)))))),
                model("sinks and clamped experts, as gpt-oss", gptOss()),
                rope("linear", new RopeScaling.Linear(4)),
                rope("llama3", new RopeScaling.Llama3(8, 1, 4, 32)),
                rope("yarn", new RopeScaling.Yarn(8, 16, 8, 0.5f, RopeScaling.yarnAmplitude(8),
                        true)),
                rope("longrope", new RopeScaling.LongRope(List.of(1f, 1f, 1f, 1f, 1f, 1f, 1f),
                        List.of(1.1f, 1.5f, 2f, 3f, 5f, 7f, 9f), 64, 1.3f)));
    }

    private static ModelSpec spec() {
        return ModelSpec.uniform("random", "random", 131, RandomModel.CONTEXT_TOKENS, EMBEDDING,
                1e-6f, ATTENTION, LAYERS, LAYER);
    }

    private static List<LayerSpec> layers(IntFunction<LayerSpec> layer) {
        return IntStream.range(0, LAYERS).mapToObj(layer).toList();
    }

    private static ModelSpec gemma3() {
        LayerSpec global = new LayerSpec(
                new RopeSpec(RopeSpec.Layout.HALVES, HEAD_SIZE, 1_000_000,
                        new RopeScaling.Linear(8)),
                NETWORK.withGate(GateFunction.GELU_TANH));
        return spec().withNorm(new NormSpec(1e-6f, Placement.BEFORE_AND_AFTER))
                .withAttention(ATTENTION.withHeadNorm(HeadNorm.EACH_HEAD).withScale(0.3f))
                .withMultipliers(MultiplierSpec.NONE.withEmbedding((float) Math.sqrt(EMBEDDING)))
                .withTiedEmbeddings(true)
                .withLayers(layers(layer -> layer % 3 == 2
                        ? global
                        : global.withWindow(19).withRope(ROPE)));
    }

    private static ModelSpec gemma2() {
        LayerSpec global = LAYER.withFeedForward(NETWORK.withGate(GateFunction.GELU_TANH));
        return spec().withNorm(new NormSpec(1e-6f, Placement.BEFORE_AND_AFTER))
                .withAttention(ATTENTION.withSoftCap(2))
                .withMultipliers(new MultiplierSpec((float) Math.sqrt(EMBEDDING), 1, 1, 3))
                .withLayers(layers(layer -> layer % 2 == 1 ? global : global.withWindow(19)));
    }

    private static ModelSpec gptOss() {
        LayerSpec global = new LayerSpec(
                ROPE.withScaling(new RopeScaling.Yarn(4, 32, 32, 1,
                        RopeScaling.yarnAmplitude(4), false)),
                FeedForwardSpec.dense(42).withBias(true).withGate(GateFunction.CLAMPED_SILU)
                        .withExperts(EXPERTS.withRouterBias(true)));
        return spec().withAttention(ATTENTION.withBias(true, true).withSinks(true))
                .withLayers(layers(layer -> layer % 2 == 1 ? global : global.withWindow(19)));
    }

    private static RandomModel rope(String name, RopeScaling scaling) {
        return model("rope scaling " + name, spec().withLayers(
                layers(layer -> LAYER.withRope(ROPE.withScaling(scaling)))));
    }

    private static RandomModel model(String name, ModelSpec spec) {
        return new RandomModel(name, spec, QuantFormat.F32);
    }
}
