package dev.millrace.models;

import dev.millrace.models.gguf.GgufArray;
import dev.millrace.models.gguf.GgufMetadata;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;

/** Reads from a GGUF file's metadata in what its layers differ: windows, rope, experts. */
final class GgufLayers {

    /** What gemma 2 has where a file does not say. */
    private static final int GEMMA2_WINDOW_TOKENS = 4096;
    /** Experts of a layer in the largest published models are some hundreds. */
    private static final int MOST_EXPERTS = 65_536;

    private final GgufMetadata metadata;
    private final ModelFamily family;
    private final UnaryOperator<String> key;
    private final boolean bias;

    /**
     * @param key  a metadata key of the architecture from its last part
     * @param bias whether dense projections have biases
     */
    GgufLayers(GgufMetadata metadata, ModelFamily family, UnaryOperator<String> key,
            boolean bias) {
        this.metadata = metadata;
        this.family = family;
        this.key = key;
        this.bias = bias;
    }

    List<LayerSpec> read(int layers, GgufRope rope) {
        int window = windowTokens();
        FeedForwardSpec network = feedForward();
        RopeSpec everywhere = rope.everywhere();
        boolean alike = family.windowPeriod() == 1;
        RopeSpec inWindow = alike ? everywhere : rope.inWindow();
        List<LayerSpec> specs = new ArrayList<>();
        for (int layer = 0; layer < layers; layer++) {
            boolean windowed = window > 0 && hasWindow(layer, layers);
            specs.add(new LayerSpec(windowed ? window : 0,
                    family.hasRope(layer) ? windowed ? inWindow : everywhere : null, network));
        }
        return specs;
    }

    private int windowTokens() {
        String windowKey = key.apply("attention.sliding_window");
        boolean unlimited = metadata.integer(windowKey).orElse(0L) == 0;
        if (unlimited) {
            return family == ModelFamily.GEMMA2 && !metadata.has(windowKey)
                    ? GEMMA2_WINDOW_TOKENS
                    : 0;
        }
        return metadata.requiredSize(windowKey);
    }

    /** Whether a layer has the window: by the file's period or list, or as the family has it. */
    private boolean hasWindow(int layer, int layers) {
        String patternKey = key.apply("attention.sliding_window_pattern");
        Object pattern = metadata.asMap().get(patternKey);
        if (pattern instanceof GgufArray list) {
            if (list.size() != layers || !(list.get(layer) instanceof Boolean windowed)) {
                throw metadata.wrong(patternKey, list, "true or false for each of " + layers
                        + " layers");
            }
            return windowed;
        }
        int period = metadata.size(patternKey).orElse(family.windowPeriod());
        return period == 1 || (layer + 1) % period != 0;
    }

    private FeedForwardSpec feedForward() {
        long count = metadata.integer(key.apply("expert_count")).orElse(0L);
        if (count == 0 && !family.hasExperts()) {
            int size = perLayerSize("feed_forward_length");
            return FeedForwardSpec.dense(size).withGate(family.gate()).withBias(bias);
        }
        int experts = metadata.requiredSize(key.apply("expert_count"));
        int chosen = metadata.requiredSize(key.apply("expert_used_count"));
        if (experts > MOST_EXPERTS || chosen > experts) {
            throw metadata.wrong(key.apply("expert_used_count"), chosen, "at most the "
                    + experts + " experts of " + key.apply("expert_count")
                    + ", and these at most " + MOST_EXPERTS);
        }
        int size = metadata.size(key.apply("expert_feed_forward_length"))
                .orElseGet(() -> perLayerSize("feed_forward_length"));
        int shared = family != ModelFamily.QWEN2_MOE
                ? 0
                : metadata.size(key.apply("expert_shared_feed_forward_length"))
                        .orElseGet(() -> perLayerSize("feed_forward_length"));
        boolean biased = family == ModelFamily.GPT_OSS;
        return new FeedForwardSpec(size, family.gate(), biased,
                new ExpertSpec(experts, chosen, family.normalisesExperts(), biased, shared));
    }

    private int perLayerSize(String suffix) {
        return sizeOfAll(metadata, key.apply(suffix));
    }

    /** A size that some architectures give per layer. */
    static int sizeOfAll(GgufMetadata metadata, String key) {
        if (metadata.asMap().get(key) instanceof List<?> sizes) {
            throw metadata.wrong(key, sizes,
                    "one number: this version runs models whose layers are all alike in this");
        }
        return metadata.requiredSize(key);
    }
}
