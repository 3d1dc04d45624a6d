package dev.millrace.engine;

/**
 * How many tokens are worth guessing for one sequence, learnt from how its guesses fared. The n-th
 * guess counts only if all before it are right, so the rate of right guesses to the power of n is
 * what it adds to a step; it is worth its time while that is more than the step gives for as much
 * time without it.
 */
final class DraftLength {

    /** Tokens without a guess, after guesses did not pay, until one is tried again. */
    private static final int LEAST_PAUSE_TOKENS = 32;
    /** The pause doubles up to this while the one that is tried is wrong again. */
    private static final int MOST_PAUSE_TOKENS = 256;

    private final int mostDrafts;
    private final double memory;
    private double right;
    private double tried;
    private double cost;
    private int nextPause = LEAST_PAUSE_TOKENS;
    private int pause;
    private boolean stopped;

    private DraftLength(int mostDrafts, double right, double tried, double memory) {
        this.mostDrafts = mostDrafts;
        this.right = right;
        this.tried = tried;
        this.memory = memory;
    }

    /** Of guesses that cost little, so that a few wrong ones do no harm. */
    static DraftLength ofLookups(Speculation speculation) {
        return new DraftLength(speculation.mostDrafts(), 1, 2, 0.9);
    }

    /** Of a model's guesses, which are dearer and more often right. */
    static DraftLength ofModel(Speculation speculation) {
        return new DraftLength(speculation.mostDrafts(), 3, 4, 0.95);
    }

    /** How often guesses were right lately, from 0 to 1; 0 once they have stopped. */
    double rate() {
        return stopped ? 0 : right / tried;
    }

    /**
     * Tokens to guess for the next step; 0 while guesses do not pay.
     *
     * @param guessCost time of a guess in units of what a token takes without any
     */
    int tokens(double guessCost) {
        cost = guessCost;
        if (stopped || pause > 0 || mostDrafts == 0) {
            return 0;
        }
        return Math.max(1, worthwhile()); // a single one is how it learns
    }

    private int worthwhile() {
        double rate = right / tried;
        double worth = rate;
        double expected = 1;
        double time = 1;
        int tokens = 0;
        while (tokens < mostDrafts && worth * time > cost * expected) {
            expected += worth;
            time += cost;
            worth *= rate;
            tokens++;
        }
        return tokens;
    }

    /** Notes how many of a step's guesses were right, before the first that was wrong. */
    void verified(int drafts, int accepted) {
        int verified = Math.min(drafts, accepted + 1);
        double keep = Math.pow(memory, verified);
        right = right * keep + accepted;
        tried = tried * keep + verified;
        if (worthwhile() == 0) {
            pause = nextPause;
            nextPause = Math.min(MOST_PAUSE_TOKENS, 2 * nextPause);
        } else {
            nextPause = LEAST_PAUSE_TOKENS;
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
