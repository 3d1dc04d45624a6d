package dev.millrace.engine;

/**
 * How many tokens are worth guessing for one sequence, learnt from how its guesses fared. The n-th
 * guess counts only if all before it are right, so it is worth its row while the rate of right
 * guesses to the power of n is above what a row costs.
 */
final class DraftLength {

    /** Guesses to remember: older ones count less and less. */
    private static final double MEMORY = 0.9;
    /** Before the first guess: as often right as wrong. */
    private static final double FIRST_RIGHT = 1;
    private static final double FIRST_TRIED = 2;
    /** Tokens without a guess, after guesses did not pay, until one is tried again. */
    private static final int PAUSE_TOKENS = 32;

    private final Speculation speculation;
    private double right = FIRST_RIGHT;
    private double tried = FIRST_TRIED;
    private int pause;
    private boolean stopped;

    DraftLength(Speculation speculation) {
        this.speculation = speculation;
    }

    /** Tokens to guess for the next step; 0 while guesses do not pay. */
    int tokens() {
        if (stopped || pause > 0 || speculation.mostDrafts() == 0) {
            return 0;
        }
        double rate = right / tried;
        double worth = rate;
        int tokens = 1; // a single one is how it learns
        while (tokens < speculation.mostDrafts() && worth * rate > speculation.rowCost()) {
            worth *= rate;
            tokens++;
        }
        return tokens;
    }

    /** Notes how many of a step's guesses were right, before the first that was wrong. */
    void verified(int drafts, int accepted) {
        int verified = Math.min(drafts, accepted + 1);
        double keep = Math.pow(MEMORY, verified);
        right = right * keep + accepted;
        tried = tried * keep + verified;
        if (right / tried < speculation.rowCost()) {
            pause = PAUSE_TOKENS;
        }
    }

    /** Notes a token that came without a guess. */
    void plain() {
        pause = Math.max(0, pause - 1);
    }

    /** Makes no more guesses. */
    void stop() {
        stopped = true;
    }
}
