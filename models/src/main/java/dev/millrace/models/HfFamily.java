package dev.millrace.models;

import java.util.Arrays;
import java.util.Optional;
import java.util.stream.Collectors;

/** The model types of {@code config.json} that this version runs, and what each is. */
enum HfFamily {
    LLAMA("llama", ModelFamily.LLAMA),
    MISTRAL("mistral", ModelFamily.LLAMA),
    MIXTRAL("mixtral", ModelFamily.LLAMA),
    QWEN2("qwen2", ModelFamily.QWEN2),
    QWEN2_MOE("qwen2_moe", ModelFamily.QWEN2_MOE),
    QWEN3("qwen3", ModelFamily.QWEN3),
    QWEN3_MOE("qwen3_moe", ModelFamily.QWEN3_MOE),
    GEMMA2("gemma2", ModelFamily.GEMMA2),
    GEMMA3("gemma3_text", ModelFamily.GEMMA3),
    PHI3("phi3", ModelFamily.PHI3),
    SMOLLM3("smollm3", ModelFamily.SMOLLM3),
    GRANITE("granite", ModelFamily.GRANITE),
    OLMO2("olmo2", ModelFamily.OLMO2),
    GPT_OSS("gpt_oss", ModelFamily.GPT_OSS);

    private final String type;
    private final ModelFamily family;

    HfFamily(String type, ModelFamily family) {
        this.type = type;
        this.family = family;
    }

    static Optional<HfFamily> of(String type) {
        return Arrays.stream(values()).filter(each -> each.type.equals(type)).findFirst();
    }

    /** The model types that this version runs, for messages. */
    static String supported() {
        return Arrays.stream(values()).map(HfFamily::type).collect(Collectors.joining(", "));
    }

    String type() {
        return type;
    }

    ModelFamily family() {
        return family;
    }

    /** Whether query, key and value projections add a bias without the config saying so. */
    boolean alwaysHasBias() {
        return this == QWEN2 || this == QWEN2_MOE;
    }

    /** Whether a window, where the config has one, is in every layer. */
    boolean hasWindowEverywhere() {
        return this == MISTRAL || this == MIXTRAL || this == PHI3;
    }

    /** Whether norm weights are kept minus one. */
    boolean offsetsNorms() {
        return this == GEMMA2 || this == GEMMA3;
    }

    /** Whether every layer is a mixture of experts unless the config says otherwise. */
    boolean hasExperts() {
        return this == MIXTRAL || this == QWEN2_MOE || this == QWEN3_MOE || this == GPT_OSS;
    }

    /**
     * What a file calls a weight.
     *
     * @param layer  ignored where the role is not per layer
     * @param expert ignored where the role is not per expert
     */
    String name(WeightRole role, int layer, int expert) {
        return switch (role) {
            case TOKEN_EMBEDDING -> "model.embed_tokens.weight";
            case OUTPUT_NORM -> "model.norm.weight";
            case OUTPUT -> "lm_head.weight";
            default -> "model.layers." + layer + "." + stem(role, expert);
        };
    }

    private String stem(WeightRole role, int expert) {
        return switch (role) {
            case ATTENTION_NORM -> "input_layernorm.weight";
            case QUERY ->
                attention(family.fusesProjections() ? "qkv_proj.weight" : "q_proj.weight");
            case KEY -> attention(family.fusesProjections() ? "qkv_proj.weight" : "k_proj.weight");
            case VALUE ->
                attention(family.fusesProjections() ? "qkv_proj.weight" : "v_proj.weight");
            case QUERY_BIAS -> attention("q_proj.bias");
            case KEY_BIAS -> attention("k_proj.bias");
            case VALUE_BIAS -> attention("v_proj.bias");
            case QUERY_NORM -> attention("q_norm.weight");
            case KEY_NORM -> attention("k_norm.weight");
            case ATTENTION_SINKS -> attention("sinks");
            case ATTENTION_OUTPUT -> attention("o_proj.weight");
            case ATTENTION_OUTPUT_BIAS -> attention("o_proj.bias");
            case ATTENTION_POST_NORM -> "post_attention_layernorm.weight";
            // Where there is a norm after attention, this one has another name than in llama.
            case FEED_FORWARD_NORM -> family.normPlacement() == NormSpec.Placement.BEFORE
                    ? "post_attention_layernorm.weight"
                    : "pre_feedforward_layernorm.weight";
            case FEED_FORWARD_POST_NORM -> "post_feedforward_layernorm.weight";
            default -> network(role, expert);
        };
    }

    private static String attention(String name) {
        return "self_attn." + name;
    }

    private String network(WeightRole role, int expert) {
        String mixture = this == MIXTRAL ? "block_sparse_moe." : "mlp.";
        String one = mixture + "experts." + expert + ".";
        return switch (role) {
            case GATE -> family.fusesProjections()
                    ? "mlp.gate_up_proj.weight"
                    : "mlp.gate_proj.weight";
            case UP -> family.fusesProjections()
                    ? "mlp.gate_up_proj.weight"
                    : "mlp.up_proj.weight";
            case DOWN -> "mlp.down_proj.weight";
            case GATE_BIAS -> "mlp.gate_proj.bias";
            case UP_BIAS -> "mlp.up_proj.bias";
            case DOWN_BIAS -> "mlp.down_proj.bias";
            case ROUTER -> mixture + (this == GPT_OSS ? "router.weight" : "gate.weight");
            case ROUTER_BIAS -> mixture + (this == GPT_OSS ? "router.bias" : "gate.bias");
            case EXPERT_GATE -> one + (this == MIXTRAL ? "w1.weight" : "gate_proj.weight");
            case EXPERT_UP -> one + (this == MIXTRAL ? "w3.weight" : "up_proj.weight");
            case EXPERT_DOWN -> one + (this == MIXTRAL ? "w2.weight" : "down_proj.weight");
            case SHARED_ROUTER -> "mlp.shared_expert_gate.weight";
            case SHARED_GATE -> "mlp.shared_expert.gate_proj.weight";
            case SHARED_UP -> "mlp.shared_expert.up_proj.weight";
            case SHARED_DOWN -> "mlp.shared_expert.down_proj.weight";
            default -> throw new IllegalArgumentException(type + " has no weight " + role);
        };
    }
}
