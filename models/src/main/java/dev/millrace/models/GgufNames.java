package dev.millrace.models;

/** What GGUF calls a weight; the names are the same for every architecture. */
final class GgufNames {

    private GgufNames() {}

    /** @param layer ignored where the role is not per layer */
    static String of(WeightRole role, int layer) {
        String stem = stem(role);
        return role.perLayer() ? "blk." + layer + "." + stem : stem;
    }

    private static String stem(WeightRole role) {
        return switch (role) {
            case TOKEN_EMBEDDING -> "token_embd.weight";
            case OUTPUT_NORM -> "output_norm.weight";
            case OUTPUT -> "output.weight";
            case ROPE_FACTORS -> "rope_freqs.weight";
            case ATTENTION_NORM -> "attn_norm.weight";
            case QUERY -> "attn_q.weight";
            case KEY -> "attn_k.weight";
            case VALUE -> "attn_v.weight";
            case QUERY_BIAS -> "attn_q.bias";
            case KEY_BIAS -> "attn_k.bias";
            case VALUE_BIAS -> "attn_v.bias";
            case ATTENTION_OUTPUT -> "attn_output.weight";
            case FEED_FORWARD_NORM -> "ffn_norm.weight";
            case GATE -> "ffn_gate.weight";
            case UP -> "ffn_up.weight";
            case DOWN -> "ffn_down.weight";
        };
    }
}
