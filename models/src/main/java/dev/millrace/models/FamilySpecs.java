package dev.millrace.models;

import java.util.ArrayList;
import java.util.List;

/** Makes models of a family from sizes alone: with the switches that the family's name implies. */
public final class FamilySpecs {

    private FamilySpecs() {}

    /** The names of families in GGUF files. */
    public static String names() {
        return ModelFamily.supported();
    }

    /** Whether the layers of this family are mixtures of experts. */
    public static boolean hasExperts(String architecture) {
        return family(architecture).hasExperts();
    }

    /**
     * A model of a family, with the sizes, rope scaling and experts of another.
     *
     * @param windowTokens window of the layers that have one in this family; 0 for none
     * @throws IllegalArgumentException if there is no such family
     */
    public static ModelSpec of(String architecture, ModelSpec sizes, int windowTokens) {
        ModelFamily family = family(architecture);
        boolean isGptOss = family == ModelFamily.GPT_OSS;
        AttentionSpec attention = sizes.attention().withHeadNorm(family.headNorm())
                .withSinks(isGptOss)
                .withBias(isGptOss || family == ModelFamily.QWEN2
                        || family == ModelFamily.QWEN2_MOE, isGptOss)
                .withSoftCap(family == ModelFamily.GEMMA2 ? 50 : 0);
        float embedding = family.scalesEmbeddings() ? (float) Math.sqrt(sizes.embeddingSize()) : 1;
        MultiplierSpec multipliers = family == ModelFamily.GRANITE
                ? new MultiplierSpec(6, 0.3f, 0.25f, 0)
                : new MultiplierSpec(embedding, 1, 1, family == ModelFamily.GEMMA2 ? 30 : 0);
        List<LayerSpec> layers = new ArrayList<>();
        for (int layer = 0; layer < sizes.layers(); layer++) {
            layers.add(layer(family, sizes.layer(layer), layer, windowTokens));
        }
        return sizes.withArchitecture(architecture).withAttention(attention)
                .withNorm(new NormSpec(sizes.norm().epsilon(), family.normPlacement()))
                .withMultipliers(multipliers).withLayers(layers);
    }

    private static LayerSpec layer(ModelFamily family, LayerSpec sizes, int layer, int window) {
        boolean windowed = window > 0 && family.hasWindow(layer);
        boolean plainRope = family == ModelFamily.GEMMA3 && windowed;
        RopeSpec rope = new RopeSpec(family.ropeLayout(), sizes.rope().dimensions(),
                plainRope ? ModelFamily.DEFAULT_ROPE_BASE : sizes.rope().base(),
                plainRope ? RopeScaling.NONE : rounded(family, sizes.rope().scaling()));
        ExpertSpec experts = sizes.feedForward().experts();
        FeedForwardSpec network = sizes.feedForward().withGate(family.gate())
                .withBias(family == ModelFamily.GPT_OSS)
                .withExperts(experts == null
                        ? null
                        : experts.withNormalised(family.normalisesExperts())
                                .withRouterBias(family == ModelFamily.GPT_OSS));
        return new LayerSpec(windowed ? window : 0, family.hasRope(layer) ? rope : null, network);
    }

    private static RopeScaling rounded(ModelFamily family, RopeScaling scaling) {
        return scaling instanceof RopeScaling.Yarn yarn
                ? new RopeScaling.Yarn(yarn.factor(), yarn.originalTokens(), yarn.betaFast(),
                        yarn.betaSlow(), yarn.amplitude(), family.roundsYarn())
                : scaling;
    }

    private static ModelFamily family(String architecture) {
        return ModelFamily.of(architecture).orElseThrow(() -> new IllegalArgumentException(
                "there is no architecture \"" + architecture + "\"; there are " + names()));
    }
}
