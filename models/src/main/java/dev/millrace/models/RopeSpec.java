package dev.millrace.models;

/**
 * Rotary position embedding: pair i of the first {@code dimensions} elements of a head turns by
 * {@code position * scale * base^(-2i / dimensions) / factor[i]}.
 *
 * @param layout     which elements form a pair
 * @param dimensions elements that turn; even, at most the head size
 * @param base       base of the geometric series of frequencies
 * @param scale      factor on the position (1 / factor for linear scaling), usually 1
 */
public record RopeSpec(Layout layout, int dimensions, float base, float scale) {

    /** Which elements of a head form a rotating pair. */
    public enum Layout {
        /** (0,1), (2,3), ...: Meta's order, which GGUF keeps for llama. */
        ADJACENT,
        /** (0, n/2), (1, n/2 + 1), ...: NEOX order, which Hugging Face files use. */
        HALVES
    }
}
