package dev.millrace.models;

import dev.millrace.kernels.GateFunction;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import tools.jackson.databind.JsonNode;

/** Reads a {@link ModelSpec} from a {@code config.json}; refuses what would change the result. */
final class HfSpecReader {

    /** A declared billion of layers or experts must cost nothing. */
    private static final int MOST_LAYERS = 65_536;
    private static final int GEMMA2_WINDOW_TOKENS = 4096;
    /** What configs of models with images leave out (transformers' Gemma3TextConfig). */
    private static final String GEMMA3_DEFAULTS = """
            {"vocab_size": 262208, "num_attention_heads": 8, "num_key_value_heads": 4,
            "head_dim": 256, "max_position_embeddings": 131072, "rms_norm_eps": 1e-6,
            "query_pre_attn_scalar": 256, "sliding_window": 4096, "rope_theta": 1000000.0}""";

    private final HfConfig config;
    private final HfFamily family;
    private final String name;

    private HfSpecReader(HfConfig config, HfFamily family, String name) {
        this.config = config;
        this.family = family;
        this.name = name;
    }

    /**
     * The family that a config names.
     *
     * @throws ModelException if this version does not run it
     */
    static HfFamily family(HfConfig config) {
        HfConfig text = textModel(config);
        String type = text.text("model_type").orElseThrow(() -> text.missing("model_type"));
        return HfFamily.of(type).orElseThrow(() -> text.wrong("model_type",
                "one that this version runs: " + HfFamily.supported()));
    }

    /** The part of a config that is about text, where the model knows images as well. */
    static HfConfig textModel(HfConfig config) {
        HfConfig text = config.part("text_config").orElse(config);
        return text.text("model_type").filter(HfFamily.GEMMA3.type()::equals)
                .map(type -> text.withDefaults(GEMMA3_DEFAULTS)).orElse(text);
    }

    /**
     * Reads the spec.
     *
     * @param name      for people
     * @param hasOutput whether the files have an output matrix
     * @throws ModelException if the config is incomplete, wrong or of an unknown variant
     */
    static ModelSpec read(HfConfig config, HfFamily family, String name, boolean hasOutput) {
        return new HfSpecReader(config, family, name).spec(hasOutput);
    }

    private ModelSpec spec(boolean hasOutput) {
        int embeddingSize = config.requiredSize("hidden_size");
        AttentionSpec attention = attention(embeddingSize);
        NormSpec norm = new NormSpec(config.requiredPositive("rms_norm_eps"),
                family.family().normPlacement());
        return new ModelSpec(family.type(), name, config.requiredSize("vocab_size"),
                config.requiredSize("max_position_embeddings"), embeddingSize, norm, attention,
                layers(new HfRope(config, family, attention.headSize())),
                multipliers(embeddingSize), config.flag("tie_word_embeddings", !hasOutput));
    }

    private AttentionSpec attention(int embeddingSize) {
        int heads = config.requiredSize("num_attention_heads");
        int kvHeads = config.size("num_key_value_heads").orElse(heads);
        if (heads % kvHeads != 0) {
            throw config.wrong("num_key_value_heads",
                    "a divisor of the " + heads + " query heads");
        }
        int headSize = config.size("head_dim").orElseGet(() -> {
            if (embeddingSize % heads != 0) {
                throw config.wrong("num_attention_heads",
                        "a divisor of the embedding's " + embeddingSize
                                + " elements, or head_dim must be given");
            }
            return embeddingSize / heads;
        });
        if ((long) heads * headSize > Integer.MAX_VALUE) {
            throw config.wrong("num_attention_heads", "at most "
                    + Integer.MAX_VALUE / headSize + " with heads of " + headSize);
        }
        boolean bias = config.flag("attention_bias", false);
        AttentionSpec attention = AttentionSpec.of(heads, kvHeads, headSize)
                .withBias(bias || family.alwaysHasBias() && config.flag("qkv_bias", true), bias)
                .withHeadNorm(family.family().headNorm()).withSinks(family == HfFamily.GPT_OSS)
                .withSoftCap(config.positive("attn_logit_softcapping").orElse(0f));
        Optional<Float> scale = family == HfFamily.GRANITE
                ? config.positive("attention_multiplier")
                : family.family().scalesEmbeddings()
                        ? config.positive("query_pre_attn_scalar")
                                .map(size -> (float) (1 / Math.sqrt(size)))
                        : Optional.empty();
        return scale.map(attention::withScale).orElse(attention);
    }

    private MultiplierSpec multipliers(int embeddingSize) {
        float softCap = config.positive("final_logit_softcapping").orElse(0f);
        if (family == HfFamily.GRANITE) {
            return new MultiplierSpec(config.positive("embedding_multiplier").orElse(1f),
                    config.positive("residual_multiplier").orElse(1f),
                    1 / config.positive("logits_scaling").orElse(1f), softCap);
        }
        return new MultiplierSpec(
                family.family().scalesEmbeddings() ? (float) Math.sqrt(embeddingSize) : 1, 1, 1,
                softCap);
    }

    private List<LayerSpec> layers(HfRope rope) {
        int layers = config.requiredSize("num_hidden_layers");
        if (layers > MOST_LAYERS) {
            throw config.wrong("num_hidden_layers", "at most " + MOST_LAYERS);
        }
        int window = windowTokens();
        RopeSpec everywhere = rope.everywhere();
        RopeSpec inWindow = rope.inWindow();
        FeedForwardSpec dense = FeedForwardSpec.dense(config.requiredSize("intermediate_size"))
                .withGate(gate()).withBias(config.flag("mlp_bias", false));
        FeedForwardSpec mixed = family.hasExperts() ? mixed(dense) : dense;
        List<LayerSpec> specs = new ArrayList<>();
        for (int layer = 0; layer < layers; layer++) {
            boolean windowed = window > 0 && hasWindow(layer, layers);
            specs.add(new LayerSpec(windowed ? window : 0,
                    hasRope(layer, layers) ? windowed ? inWindow : everywhere : null,
                    hasExperts(layer) ? mixed : dense));
        }
        return specs;
    }

    private GateFunction gate() {
        GateFunction function = family.family().gate();
        String key = config.has("hidden_activation") ? "hidden_activation" : "hidden_act";
        String allowed = function == GateFunction.GELU_TANH ? "gelu_pytorch_tanh" : "silu";
        String found = config.text(key).orElse(allowed);
        // Gemma's first configs say gelu and mean its approximation; transformers reads them so.
        boolean mistaken = function == GateFunction.GELU_TANH && key.equals("hidden_act");
        if (!found.equals(allowed) && !mistaken) {
            throw config.wrong(key, "\"" + allowed + "\"");
        }
        if (function == GateFunction.CLAMPED_SILU
                && config.positive("swiglu_limit")
                        .orElse(GateFunction.CLAMP) != GateFunction.CLAMP) {
            throw config.wrong("swiglu_limit", "" + GateFunction.CLAMP);
        }
        return function;
    }

    private int windowTokens() {
        boolean off = !family.hasWindowEverywhere() && family.family().windowPeriod() == 1
                && !config.flag("use_sliding_window", false);
        if (off) {
            return 0;
        }
        JsonNode window = config.raw("sliding_window");
        if (window == null && family == HfFamily.GEMMA2) {
            return GEMMA2_WINDOW_TOKENS;
        }
        return config.size("sliding_window").orElse(0);
    }

    private boolean hasWindow(int layer, int layers) {
        if (family.hasWindowEverywhere()) {
            return true;
        }
        if (config.has("layer_types")) {
            String type = config.list("layer_types", layers).get(layer).asString("");
            return switch (type) {
                case "sliding_attention" -> true;
                case "full_attention" -> false;
                default -> throw config.wrong("layer_types",
                        "\"sliding_attention\" or \"full_attention\" for each layer");
            };
        }
        if (family.family().windowPeriod() > 1) {
            int period = config.size("sliding_window_pattern")
                    .orElse(family.family().windowPeriod());
            return (layer + 1) % period != 0;
        }
        return layer >= config.size("max_window_layers").orElse(0);
    }

    private boolean hasRope(int layer, int layers) {
        if (family != HfFamily.SMOLLM3) {
            return true;
        }
        if (config.has("no_rope_layers")) { // says 1 for a layer that has one
            return config.list("no_rope_layers", layers).get(layer).asInt(1) != 0;
        }
        return config.size("no_rope_layer_interval").map(period -> (layer + 1) % period != 0)
                .orElseGet(() -> family.family().hasRope(layer));
    }

    private boolean hasExperts(int layer) {
        if (config.has("mlp_only_layers")) {
            for (JsonNode dense : config.raw("mlp_only_layers")) {
                if (dense.asInt(-1) == layer) {
                    return false;
                }
            }
        }
        return (layer + 1) % config.size("decoder_sparse_step").orElse(1) == 0;
    }

    private FeedForwardSpec mixed(FeedForwardSpec dense) {
        int count = config.size("num_local_experts").or(() -> config.size("num_experts"))
                .orElseThrow(() -> config.missing("num_experts"));
        int chosen = config.size("num_experts_per_tok")
                .or(() -> config.size("experts_per_token"))
                .orElseThrow(() -> config.missing("num_experts_per_tok"));
        if (count > MOST_LAYERS || chosen > count) {
            throw config.wrong("num_experts_per_tok", "at most the number of experts, " + count
                    + ", and these at most " + MOST_LAYERS);
        }
        int size = config.size("moe_intermediate_size").orElse(dense.size());
        int shared = family == HfFamily.QWEN2_MOE
                ? config.requiredSize("shared_expert_intermediate_size")
                : 0;
        boolean biased = family == HfFamily.GPT_OSS;
        boolean normalised = biased || family == HfFamily.MIXTRAL
                || config.flag("norm_topk_prob", false);
        return new FeedForwardSpec(size, dense.gate(), biased,
                new ExpertSpec(count, chosen, normalised, biased, shared));
    }
}
