package dev.millrace.engine;

import dev.millrace.engine.constrain.CompletionMatcher;
import dev.millrace.engine.constrain.ConstraintException;
import java.util.ArrayList;
import java.util.List;

/** What a request's constraint allows after tokens that are only guessed. */
final class Lookahead {

    /** Where nothing is forbidden. */
    static final Lookahead FREE = new Lookahead(null, null);

    private final CompletionMatcher ahead; // null where anything may come
    private final List<long[]> masks = new ArrayList<>(); // of what may follow each guess

    private Lookahead(CompletionMatcher matcher, long[] mask) {
        ahead = matcher == null ? null : matcher.fork();
        if (mask != null) {
            masks.add(mask);
        }
    }

    /** @param mask what may come next, as {@code matcher} stands; borrowed */
    static Lookahead from(CompletionMatcher matcher, long[] mask) {
        return new Lookahead(matcher, mask);
    }

    /** Moves past a guess. @return whether it is allowed and something may follow it */
    boolean accept(int token) {
        if (ahead == null) {
            return true;
        }
        if ((masks.getLast()[token >> 6] >>> token & 1) == 0) {
            return false;
        }
        try {
            ahead.accept(token);
            if (ahead.isComplete()) {
                return false;
            }
            long[] mask = new long[ahead.maskWords()];
            ahead.fillMask(mask);
            masks.add(mask);
            return true;
        } catch (ConstraintException e) {
            return false; // it will show, or not, when the model says this token itself
        }
    }

    /** The mask of what may come next; none where anything may. */
    long[][] next() {
        return ahead == null ? SamplingSettings.NO_MASKS : new long[][]{masks.getLast()};
    }

    /** A mask after the last token and each of the guesses; none where anything may come. */
    long[][] masks() {
        return ahead == null ? SamplingSettings.NO_MASKS : masks.toArray(long[][]::new);
    }
}
