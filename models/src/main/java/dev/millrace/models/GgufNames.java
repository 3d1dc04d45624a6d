package dev.millrace.models;

import dev.millrace.kernels.QuantTensor;
import dev.millrace.kernels.TensorShape;
import java.util.List;

/** What GGUF calls weights, and which of them it keeps in one tensor. */
final class GgufNames {

    private GgufNames() {}

    /**
     * The tensor that holds a weight, or all experts' weights of a role.
     *
     * @param layer ignored where the role is not per layer
     */
    static String of(ModelFamily family, WeightRole role, int layer) {
        String stem = stem(family, role);
        return role.perLayer() ? "blk." + layer + "." + stem : stem;
    }

    /** The roles that share a tensor with this one, in the order of their rows. */
    static List<WeightRole> fused(ModelFamily family, WeightRole role) {
        if (!family.fusesProjections()) {
            return List.of(role);
        }
        return switch (role) {
            case QUERY, KEY, VALUE -> List.of(WeightRole.QUERY, WeightRole.KEY, WeightRole.VALUE);
            case GATE, UP -> List.of(WeightRole.GATE, WeightRole.UP);
            default -> List.of(role);
        };
    }

    /** The shape of the tensor that holds a weight. */
    static TensorShape shape(ModelFamily family, WeightRole role, ModelSpec spec, int layer) {
        TensorShape one = role.shape(spec, layer);
        if (role.perExpert()) {
            int experts = spec.layer(layer).feedForward().experts().count();
            return one.rows() == 1
                    ? TensorShape.matrix(experts, one.columns())
                    : new TensorShape(experts, one.rows(), one.columns());
        }
        return fusedShape(family, role, spec, layer);
    }

    /** The shape of a weight together with those that share a tensor with it. */
    static TensorShape fusedShape(ModelFamily family, WeightRole role, ModelSpec spec, int layer) {
        long rows = fused(family, role).stream().mapToLong(part -> part.shape(spec, layer).rows())
                .sum();
        return TensorShape.matrix(rows, role.shape(spec, layer).columns());
    }

    /** The rows of a tensor that belong to one of the roles that share it. */
    static QuantTensor part(ModelFamily family, WeightRole role, ModelSpec spec, int layer,
            QuantTensor whole) {
        long first = 0;
        for (WeightRole part : fused(family, role)) {
            long rows = part.shape(spec, layer).rows();
            if (part == role) {
                return rows == whole.shape().rows() ? whole : whole.rows(first, rows);
            }
            first += rows;
        }
        throw new IllegalStateException(role + " is not among the roles of its own tensor");
    }

    private static String stem(ModelFamily family, WeightRole role) {
        return switch (role) {
            case TOKEN_EMBEDDING -> "token_embd.weight";
            case OUTPUT_NORM -> "output_norm.weight";
            case OUTPUT -> "output.weight";
            case ATTENTION_NORM -> "attn_norm.weight";
            case QUERY -> family.fusesProjections() ? "attn_qkv.weight" : "attn_q.weight";
            case KEY -> family.fusesProjections() ? "attn_qkv.weight" : "attn_k.weight";
            case VALUE -> family.fusesProjections() ? "attn_qkv.weight" : "attn_v.weight";
            case QUERY_BIAS -> "attn_q.bias";
            case KEY_BIAS -> "attn_k.bias";
            case VALUE_BIAS -> "attn_v.bias";
            case QUERY_NORM -> "attn_q_norm.weight";
            case KEY_NORM -> "attn_k_norm.weight";
            case ATTENTION_SINKS -> "attn_sinks.weight";
            case ATTENTION_OUTPUT -> "attn_output.weight";
            case ATTENTION_OUTPUT_BIAS -> "attn_output.bias";
            case ATTENTION_POST_NORM -> "post_attention_norm.weight";
            // The norm after attention and before the experts, in llama.cpp's words for gpt-oss.
            case FEED_FORWARD_NORM -> family == ModelFamily.GPT_OSS
                    ? "post_attention_norm.weight"
                    : "ffn_norm.weight";
            case GATE -> family.fusesProjections() ? "ffn_up.weight" : "ffn_gate.weight";
            case UP -> "ffn_up.weight";
            case DOWN -> "ffn_down.weight";
            case GATE_BIAS -> "ffn_gate.bias";
            case UP_BIAS -> "ffn_up.bias";
            case DOWN_BIAS -> "ffn_down.bias";
            case ROUTER -> "ffn_gate_inp.weight";
            case ROUTER_BIAS -> "ffn_gate_inp.bias";
            case EXPERT_GATE -> "ffn_gate_exps.weight";
            case EXPERT_UP -> "ffn_up_exps.weight";
            case EXPERT_DOWN -> "ffn_down_exps.weight";
            case EXPERT_GATE_BIAS -> "ffn_gate_exps.bias";
            case EXPERT_UP_BIAS -> "ffn_up_exps.bias";
            case EXPERT_DOWN_BIAS -> "ffn_down_exps.bias";
            case SHARED_ROUTER -> "ffn_gate_inp_shexp.weight";
            case SHARED_GATE -> "ffn_gate_shexp.weight";
            case SHARED_UP -> "ffn_up_shexp.weight";
            case SHARED_DOWN -> "ffn_down_shexp.weight";
            case FEED_FORWARD_POST_NORM -> "post_ffw_norm.weight";
        };
    }
}
