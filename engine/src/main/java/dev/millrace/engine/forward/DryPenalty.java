package dev.millrace.engine.forward;

/**
 * "Don't repeat yourself": a token that would make a run of tokens longer which has occurred before
 * loses {@code multiplier * base ^ (run - allowedLength)}, where the run is as long as the text's
 * ending is equal to what stands before an earlier occurrence of that token. Defined by llama.cpp's
 * sampler of that name.
 *
 * @param multiplier    0 for none
 * @param base          at least 1
 * @param allowedLength the shortest run that is penalised
 * @param range         how many of the last tokens to look at, prompt included; -1 for all
 * @param breakers      runs do not reach across these
 */
public record DryPenalty(float multiplier, float base, int allowedLength, int range,
        SequenceBreakers breakers) {

    public static final DryPenalty NONE = new DryPenalty(0, 1, 0, 0, SequenceBreakers.NONE);

    /** Whether it can change anything. */
    boolean applies() {
        return multiplier > 0 && range != 0;
    }
}
