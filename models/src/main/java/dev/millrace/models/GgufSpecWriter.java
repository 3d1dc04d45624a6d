package dev.millrace.models;

import dev.millrace.models.gguf.GgufEntries;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Writes a spec as GGUF metadata, in llama.cpp's words for each family. */
final class GgufSpecWriter {

    static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED
            .withOrder(ByteOrder.LITTLE_ENDIAN);
    /** The version of the block layouts that the metadata states. */
    private static final int QUANTIZATION_VERSION = 2;

    private final ModelSpec spec;
    private final ModelFamily family;
    private final GgufEntries metadata;

    private GgufSpecWriter(ModelSpec spec, ModelFamily family, GgufEntries metadata) {
        this.spec = spec;
        this.family = family;
        this.metadata = metadata;
    }

    static void write(ModelSpec spec, ModelFamily family, GgufEntries metadata) {
        GgufSpecWriter writer = new GgufSpecWriter(spec, family, metadata);
        writer.writeSizes();
        writer.writeFeedForward(spec.layer(0).feedForward());
        // Of layers that look back all the way, where there are any.
        spec.layerSpecs().stream().filter(layer -> layer.rope() != null)
                .min(Comparator.comparing(layer -> layer.windowTokens() > 0))
                .ifPresent(layer -> writer.writeRope(layer.rope()));
        writer.writeWindows();
        writer.writeFactors();
    }

    /** The divisors of rotary frequencies that files keep as tensors, by the tensors' names. */
    static Map<String, List<Float>> divisors(RopeScaling scaling) {
        Map<String, List<Float>> tensors = new LinkedHashMap<>();
        if (scaling instanceof RopeScaling.Divisors plain) {
            tensors.put(GgufRope.DIVISORS, plain.divisors());
        } else if (scaling instanceof RopeScaling.LongRope longRope) {
            tensors.put(GgufRope.SHORT_DIVISORS, longRope.shortDivisors());
            tensors.put(GgufRope.LONG_DIVISORS, longRope.longDivisors());
        }
        return tensors;
    }

    private void writeSizes() {
        metadata.string("general.architecture", spec.architecture())
                .string("general.name", spec.name())
                .uint32("general.quantization_version", QUANTIZATION_VERSION)
                .uint32(key("vocab_size"), spec.vocabularySize())
                .uint32(key("context_length"), spec.contextTokens())
                .uint32(key("embedding_length"), spec.embeddingSize())
                .uint32(key("block_count"), spec.layers())
                .uint32(key("attention.head_count"), spec.heads())
                .uint32(key("attention.head_count_kv"), spec.kvHeads())
                .uint32(key("attention.key_length"), spec.headSize())
                .uint32(key("attention.value_length"), spec.headSize())
                .float32(key("attention.layer_norm_rms_epsilon"), spec.norm().epsilon());
    }

    private void writeFeedForward(FeedForwardSpec network) {
        ExpertSpec experts = network.experts();
        metadata.uint32(key("feed_forward_length"), network.size());
        if (experts == null) {
            return;
        }
        metadata.uint32(key("expert_count"), experts.count())
                .uint32(key("expert_used_count"), experts.chosen())
                .uint32(key("expert_feed_forward_length"), network.size());
        if (experts.sharedSize() > 0) {
            metadata.uint32(key("expert_shared_feed_forward_length"), experts.sharedSize());
        }
    }

    private void writeRope(RopeSpec rope) {
        metadata.uint32(key("rope.dimension_count"), rope.dimensions())
                .float32(key("rope.freq_base"), rope.base());
        switch (rope.scaling()) {
            case RopeScaling.None _,RopeScaling.Divisors _ -> {
            }
            case RopeScaling.Linear linear -> metadata
                    .string(key("rope.scaling.type"), "linear")
                    .float32(key("rope.scaling.factor"), linear.factor());
            case RopeScaling.Yarn yarn -> metadata.string(key("rope.scaling.type"), "yarn")
                    .float32(key("rope.scaling.factor"), yarn.factor())
                    .uint32(key("rope.scaling.original_context_length"), yarn.originalTokens())
                    .float32(key("rope.scaling.yarn_beta_fast"), yarn.betaFast())
                    .float32(key("rope.scaling.yarn_beta_slow"), yarn.betaSlow());
            case RopeScaling.LongRope longRope -> metadata
                    .string(key("rope.scaling.type"), "longrope")
                    .uint32(key("rope.scaling.original_context_length"),
                            longRope.originalTokens())
                    .float32(key("rope.scaling.attn_factor"), longRope.amplitude());
            case RopeScaling.Llama3 llama3 -> throw new IllegalArgumentException(
                    "GGUF keeps the scaling of Llama 3.1 as divisors, got " + llama3);
        }
    }

    private void writeWindows() {
        int window = spec.layerSpecs().stream().mapToInt(LayerSpec::windowTokens).max().orElse(0);
        if (window > 0) {
            metadata.uint32(key("attention.sliding_window"), window);
        }
        RopeSpec first = spec.layer(0).rope();
        if (family == ModelFamily.GEMMA3 && first != null && spec.layer(0).windowTokens() > 0) {
            metadata.float32(key("rope.freq_base_swa"), first.base());
        }
    }

    private void writeFactors() {
        if (spec.attention().softCap() > 0) {
            metadata.float32(key("attn_logit_softcapping"), spec.attention().softCap());
        }
        if (spec.multipliers().logitSoftCap() > 0) {
            metadata.float32(key("final_logit_softcapping"), spec.multipliers().logitSoftCap());
        }
        if (family == ModelFamily.GRANITE) {
            metadata.float32(key("attention.scale"), spec.attention().scale())
                    .float32(key("embedding_scale"), spec.multipliers().embedding())
                    .float32(key("residual_scale"), spec.multipliers().residual())
                    .float32(key("logit_scale"), 1 / spec.multipliers().logit());
        }
    }

    private String key(String suffix) {
        return family.architecture() + "." + suffix;
    }
}
