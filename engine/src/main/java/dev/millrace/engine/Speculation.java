package dev.millrace.engine;

/**
 * How far the engine guesses tokens ahead of the model. Guesses are verified by the model in the
 * step that they are made for, so they change how soon tokens come and never which.
 *
 * @param mostDrafts most tokens guessed for a sequence in a step; 0 for none
 * @param mostRows   guesses stop where a step would decode more tokens than this: beyond it the
 *                   device computes rather than waits for the memory, and guesses are not free
 * @param rowCost    what one more decoded token adds to a step, as a share of it; a guess that is
 *                   right less often than this is not worth its row
 */
public record Speculation(int mostDrafts, int mostRows, double rowCost) {

    public static final Speculation OFF = new Speculation(0, 0, 1);

    public Speculation {
        if (mostDrafts < 0 || mostRows < 0 || !(rowCost > 0 && rowCost <= 1)) {
            throw new IllegalArgumentException("speculation with at most " + mostDrafts
                    + " drafts, " + mostRows + " rows and a cost of " + rowCost
                    + " per row: counts must not be negative, the cost above 0 and at most 1");
        }
    }
}
