package dev.millrace.engine.forward;

/**
 * What tokens lose for having been said before; applied in this order.
 *
 * @param repetition divides positive, multiplies negative logits of tokens in the prompt or the
 *                   completion; 1 for none
 * @param presence   subtracted once from every token of the completion; 0 for none
 * @param frequency  subtracted per occurrence in the completion; 0 for none
 * @param dry        for going on with what has been said before
 */
public record Penalties(float repetition, float presence, float frequency, DryPenalty dry) {

    public static final Penalties NONE = of(1, 0, 0);

    /** Without a penalty on repeated runs. */
    public static Penalties of(float repetition, float presence, float frequency) {
        return new Penalties(repetition, presence, frequency, DryPenalty.NONE);
    }

    /** These, and one on repeated runs. */
    public Penalties with(DryPenalty wanted) {
        return new Penalties(repetition, presence, frequency, wanted);
    }

    /** Whether single tokens are penalised. */
    boolean penalisesTokens() {
        return repetition != 1 || presence != 0 || frequency != 0;
    }

    /** Whether any of them looks at what was said. */
    boolean any() {
        return penalisesTokens() || dry.applies();
    }
}
