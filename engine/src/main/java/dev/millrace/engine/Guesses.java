package dev.millrace.engine;

import java.util.Arrays;

/**
 * The guesses of one sequence: which there are for the next token, which of them are scheduled, how
 * those fared, and so which of their two sources is the better one and how far it pays to guess.
 */
final class Guesses {

    private static final int[] NOTHING = {};
    private static final int NEVER = -1;

    private final DraftLength lookups;
    private final DraftLength drafts;

    private int madeAt = NEVER; // length of the text that the guesses below follow
    private boolean drafted; // by a model; found in the text otherwise
    private int[] made = NOTHING;
    private long[][] madeMasks = SamplingSettings.NO_MASKS; // after the last token and each guess

    private int[] scheduled = NOTHING;
    private long[][] masks = SamplingSettings.NO_MASKS;
    private int accepted;
    private int computed;

    Guesses(Speculation speculation) {
        lookups = DraftLength.ofLookups(speculation);
        drafts = DraftLength.ofModel(speculation);
    }

    /** How many of the scheduled tokens are guesses. */
    int scheduled() {
        return scheduled.length;
    }

    /** Guesses that turned out right. */
    int accepted() {
        return accepted;
    }

    /** Guesses that did not, and what had to be computed again because of them. */
    int rejected() {
        return computed - accepted;
    }

    /** The mask for each position that the scheduled guesses are verified at. */
    long[][] masks() {
        return masks;
    }

    /**
     * How many tokens a draft model should guess; 0 where looking them up is at least as good, or
     * guesses do not pay.
     *
     * @param most of them
     */
    int wanted(Sequence text, int most, double lookupCost, double draftCost) {
        if (most < 1 || drafted && madeAt == text.length()) {
            return 0;
        }
        lookUp(text, most, lookupCost);
        return made.length > 0 && lookups.rate() >= drafts.rate()
                ? 0
                : Math.min(most, drafts.tokens(draftCost));
    }

    /** Takes what a draft model guesses, in place of what was looked up. */
    void propose(int length, int[] tokens, long[][] maskOfEach) {
        madeAt = length;
        drafted = true;
        made = tokens;
        madeMasks = maskOfEach;
    }

    /** The guesses for the next token and those after it, up to {@code most}. */
    int[] next(Sequence text, int most, double lookupCost) {
        lookUp(text, most, lookupCost);
        return made.length <= most ? made : Arrays.copyOf(made, most);
    }

    private void lookUp(Sequence text, int most, double lookupCost) {
        if (madeAt == text.length()) {
            return;
        }
        drafted = false;
        made = NOTHING;
        madeMasks = SamplingSettings.NO_MASKS;
        int count = Math.min(most, lookups.tokens(lookupCost));
        int[] found = count < 1 ? NOTHING : text.lookUp(count);
        if (found.length > 0) {
            made = allowed(found, text.lookahead());
        }
        madeAt = text.length(); // last, so that what fails here fails again where it is handled
    }

    /** As many guesses as the constraint lets through. */
    private int[] allowed(int[] guesses, Lookahead ahead) {
        int count = 0;
        while (count < guesses.length && ahead.accept(guesses[count])) {
            count++;
        }
        madeMasks = ahead.masks();
        return Arrays.copyOf(guesses, count);
    }

    /** Schedules the first of the guesses. */
    void schedule(int count) {
        scheduled = Arrays.copyOf(made, count);
        masks = Arrays.copyOf(madeMasks, Math.min(madeMasks.length, count + 1));
    }

    void unschedule() {
        scheduled = NOTHING;
    }

    /** Puts the scheduled guesses at the end of what is to be computed. */
    void copyTo(int[] tokens) {
        System.arraycopy(scheduled, 0, tokens, tokens.length - scheduled.length, scheduled.length);
    }

    /** How many are right, before the first that is not. */
    int right(int[] sampled) {
        int right = 0;
        while (right < scheduled.length && scheduled[right] == sampled[right]) {
            right++;
        }
        return right;
    }

    /** Compares the scheduled guesses with what the model said. @return how many were right */
    int verify(int[] sampled) {
        int right = right(sampled);
        (drafted ? lookups : drafts).plain();
        DraftLength source = drafted ? drafts : lookups;
        if (scheduled.length > 0) {
            source.verified(scheduled.length, right);
        } else {
            source.plain();
        }
        computed += scheduled.length;
        return right;
    }

    /** Counts one that turned out right. */
    void accept() {
        accepted++;
    }

    /** Counts tokens that were computed in vain. */
    void waste(int tokens) {
        computed += tokens;
    }

    /** Lets the draft model guess no more. */
    void stopDrafts() {
        drafts.stop();
    }

    /** Guesses no more. */
    void stop() {
        drafts.stop();
        lookups.stop();
        made = NOTHING;
    }
}
