package dev.millrace.engine.constrain;

/**
 * Follows one completion under a constraint. Where it stands is one reference, so a copy for
 * another choice or for a draft that may be taken back costs next to nothing. For one thread.
 */
public final class ConstraintMatcher {

    private final TokenConstraint constraint;
    private Configuration configuration;
    private boolean ended;

    ConstraintMatcher(TokenConstraint constraint, Configuration configuration) {
        this.constraint = constraint;
        this.configuration = configuration;
    }

    /** Another matcher at the same place; the two go on independently. */
    public ConstraintMatcher fork() {
        ConstraintMatcher fork = new ConstraintMatcher(constraint, configuration);
        fork.ended = ended;
        return fork;
    }

    /** Goes to where another matcher of the same constraint stands: how a draft is taken back. */
    public void moveTo(ConstraintMatcher other) {
        if (other.constraint != constraint) {
            throw new IllegalArgumentException("a matcher of another constraint");
        }
        configuration = other.configuration;
        ended = other.ended;
    }

    /** Words of a mask, each for 64 tokens. */
    public int maskWords() {
        return constraint.words();
    }

    /**
     * Takes a token.
     *
     * @throws ConstraintException if it is not allowed; the matcher has not moved
     */
    public void accept(int token) {
        if (ended) {
            throw new ConstraintException("the text has ended; no token is allowed");
        }
        Configuration next = constraint.next(configuration, token);
        if (next == null) {
            ended = true;
        } else {
            configuration = next;
        }
    }

    /** Whether the text may end here. */
    public boolean mayEnd() {
        return configuration.accepting();
    }

    /** Whether the text is complete and nothing can follow. */
    public boolean isComplete() {
        return ended || configuration.isFinal();
    }

    /**
     * Writes the tokens that may come next, token t at bit {@code t & 63} of word {@code t >> 6}.
     *
     * @throws ConstraintException if there are none, or too many ways to read the text
     */
    public void fillMask(long[] mask) {
        if (!constraint.fill(configuration, mask)) {
            throw new ConstraintException("no token of this model can continue a text that"
                    + " satisfies the constraint");
        }
    }
}
