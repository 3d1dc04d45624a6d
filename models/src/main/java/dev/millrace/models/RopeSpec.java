package dev.millrace.models;

/**
 * Rotary position embedding (Su et al., "RoFormer", 2021): pair i of the first {@code dimensions}
 * elements of a head turns by {@code position * frequency[i]}, where the frequency is
 * {@code base^(-2i / dimensions)} as {@link RopeScaling} changes it.
 *
 * @param layout     which elements form a pair
 * @param dimensions elements that turn; even, at most the head size
 * @param base       base of the geometric series of frequencies
 * @param scaling    how the frequencies were stretched for longer contexts
 */
public record RopeSpec(Layout layout, int dimensions, float base, RopeScaling scaling) {

    /** Which elements of a head form a rotating pair. */
    public enum Layout {
        /** (0,1), (2,3), ...: Meta's order, which GGUF keeps for llama. */
        ADJACENT,
        /** (0, n/2), (1, n/2 + 1), ...: NEOX order, which Hugging Face files use. */
        HALVES
    }

    /** Without scaling. */
    public RopeSpec(Layout layout, int dimensions, float base) {
        this(layout, dimensions, base, RopeScaling.NONE);
    }

    public RopeSpec withScaling(RopeScaling other) {
        return new RopeSpec(layout, dimensions, base, other);
    }
}
