package dev.millrace.engine.forward;

/**
 * What tokens lose for having been said before; applied in this order.
 *
 * @param repetition divides positive, multiplies negative logits of tokens in the prompt or the
 *                   completion; 1 for none
 * @param presence   subtracted once from every token of the completion; 0 for none
 * @param frequency  subtracted per occurrence in the completion; 0 for none
 * @param dry        for going on with what has been said before
 * @param lastTokens how many of the last tokens the first three look at, prompt and completion
 *                   together (llama.cpp's {@code repeat_last_n}); -1 for all
 */
public record Penalties(float repetition, float presence, float frequency, DryPenalty dry,
        int lastTokens) {

    private static final int ALL = -1;

    public static final Penalties NONE = of(1, 0, 0);

    /** Penalties that look at all that was said. */
    public Penalties(float repetition, float presence, float frequency, DryPenalty dry) {
        this(repetition, presence, frequency, dry, ALL);
    }

    /** Without a penalty on repeated runs. */
    public static Penalties of(float repetition, float presence, float frequency) {
        return new Penalties(repetition, presence, frequency, DryPenalty.NONE, ALL);
    }

    /** These, and one on repeated runs. */
    public Penalties with(DryPenalty wanted) {
        return new Penalties(repetition, presence, frequency, wanted, lastTokens);
    }

    /** These, on the last tokens only. */
    public Penalties onLast(int count) {
        return new Penalties(repetition, presence, frequency, dry, count);
    }

    /** The first of so many tokens that single penalties look at. */
    int firstSeen(int tokens) {
        return lastTokens == ALL ? 0 : Math.max(0, tokens - lastTokens);
    }

    /** Whether single tokens are penalised. */
    boolean penalisesTokens() {
        return lastTokens != 0 && (repetition != 1 || presence != 0 || frequency != 0);
    }

    /** Whether any of them looks at what was said. */
    boolean any() {
        return penalisesTokens() || dry.applies();
    }
}
