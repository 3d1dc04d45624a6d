package dev.millrace.engine;

/**
 * What guesses cost on this device, learnt from the steps so far: a line through the times of steps
 * that only decode, over their rows, and the mean of what the draft model took for a guess. Before
 * there are such steps, and where they all had as many rows, what is usual stands in.
 */
final class GuessCosts {

    private static final double MEMORY = 0.98;
    /** A step that took longer than this many means was held up by something else. */
    private static final double MOST_STRAY = 4;
    /** What the usual slope weighs, as squared rows. */
    private static final double USUAL_WEIGHT = 4;

    private final double usualRowCost;
    private double weight;
    private double rows; // weighted sums, here and below
    private double nanos;
    private double rowsSquared;
    private double rowsNanos;
    private double drawnGuesses;
    private double drawnNanos;
    private double caughtUpTokens;
    private double caughtUpNanos;

    /** @param usualRowCost what one more row adds to a step of one, as a share of it */
    GuessCosts(double usualRowCost) {
        this.usualRowCost = usualRowCost;
    }

    /** Notes a step that only decoded and verified guesses. */
    void ran(int stepRows, long stepNanos) {
        double taken = weight == 0
                ? stepNanos
                : Math.min(stepNanos, MOST_STRAY * nanos / weight);
        weight = weight * MEMORY + 1;
        rows = rows * MEMORY + stepRows;
        nanos = nanos * MEMORY + taken;
        rowsSquared = rowsSquared * MEMORY + (double) stepRows * stepRows;
        rowsNanos = rowsNanos * MEMORY + stepRows * taken;
    }

    /** Notes a step of the draft model in which so many guesses were drawn. */
    void drew(int guesses, long stepNanos) {
        drawnGuesses = drawnGuesses * MEMORY + guesses;
        drawnNanos = drawnNanos * MEMORY + stepNanos;
    }

    /** Notes a step of the draft model that only read. */
    void caughtUp(int tokens, long stepNanos) {
        caughtUpTokens = caughtUpTokens * MEMORY + tokens;
        caughtUpNanos = caughtUpNanos * MEMORY + stepNanos;
    }

    /** What a row adds to a step, in nanoseconds. */
    private double rowNanos() {
        double meanRows = rows / weight;
        double meanNanos = nanos / weight;
        double usual = usualRowCost * meanNanos / (1 + usualRowCost * (meanRows - 1));
        double spread = rowsSquared - rows * meanRows;
        double together = rowsNanos - rows * meanNanos;
        double slope = (together + USUAL_WEIGHT * usual) / (spread + USUAL_WEIGHT);
        return Math.clamp(slope, 0, meanNanos / meanRows);
    }

    /** What a step without guesses takes; 0 if none has run. */
    double stepNanos(int stepRows) {
        if (weight == 0) {
            return 0;
        }
        return Math.max(nanos / weight + (stepRows - rows / weight) * rowNanos(), 1);
    }

    /**
     * Time that the target takes for a guess, in units of what a token takes beside
     * {@code decoding - 1} others without guesses.
     */
    double verifying(int decoding) {
        return weight == 0
                ? decoding * usualRowCost / (1 + usualRowCost * (decoding - 1))
                : decoding * rowNanos() / stepNanos(decoding);
    }

    /** The same together with what drawing it from the draft model takes, as far as is known. */
    double drawing(int decoding) {
        return drawnGuesses == 0 || weight == 0
                ? verifying(decoding)
                : verifying(decoding)
                        + decoding * drawnNanos / drawnGuesses / stepNanos(decoding);
    }

    /** How many tokens the draft model reads while a step runs; 0 if that is not known yet. */
    int tokensBeside(int decoding) {
        return caughtUpNanos == 0
                ? 0
                : (int) Math.min(Integer.MAX_VALUE,
                        stepNanos(decoding) * caughtUpTokens / caughtUpNanos);
    }
}
