package dev.millrace.models;

/**
 * Root-mean-square norms around the two branches of a layer, attention and feed-forward.
 *
 * @param epsilon   added to the mean square before the root
 * @param placement where the norms are
 */
public record NormSpec(float epsilon, Placement placement) {

    /** Where a branch f has its norms; h is the residual stream. */
    public enum Placement {
        /** {@code h += f(norm(h))}: llama and most others. */
        BEFORE,
        /** {@code h += norm(f(h))}: olmo2. */
        AFTER,
        /** {@code h += norm'(f(norm(h)))}: gemma 2 and 3. */
        BEFORE_AND_AFTER
    }

    /** Norms before the branches. */
    public NormSpec(float epsilon) {
        this(epsilon, Placement.BEFORE);
    }

    /** Whether a branch's input is normed. */
    public boolean before() {
        return placement != Placement.AFTER;
    }

    /** Whether a branch's output is normed. */
    public boolean after() {
        return placement != Placement.BEFORE;
    }
}
