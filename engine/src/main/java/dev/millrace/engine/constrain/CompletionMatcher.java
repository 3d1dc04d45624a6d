package dev.millrace.engine.constrain;

/** Follows one completion under a constraint. For one thread. */
public interface CompletionMatcher {

    /** Another matcher at the same place; the two go on independently. */
    CompletionMatcher fork();

    /** Words of a mask, each for 64 tokens. */
    int maskWords();

    /**
     * Takes a token.
     *
     * @throws ConstraintException if it is not allowed; the matcher has not moved
     */
    void accept(int token);

    /** Whether the text is complete and nothing can follow. */
    boolean isComplete();

    /**
     * Writes the tokens that may come next, token t at bit {@code t & 63} of word {@code t >> 6}.
     *
     * @throws ConstraintException if there are none, or too many ways to read the text
     */
    void fillMask(long[] mask);
}
