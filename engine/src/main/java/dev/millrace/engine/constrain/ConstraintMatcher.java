package dev.millrace.engine.constrain;

/**
 * Follows one completion under a constraint. Where it stands is one reference, so a copy for
 * another choice or for a draft that may be taken back costs next to nothing. For one thread.
 */
public final class ConstraintMatcher implements CompletionMatcher {

    private final TokenConstraint constraint;
    private Configuration configuration;
    private boolean ended;

    ConstraintMatcher(TokenConstraint constraint, Configuration configuration) {
        this.constraint = constraint;
        this.configuration = configuration;
    }

    @Override
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

    @Override
    public int maskWords() {
        return constraint.words();
    }

    @Override
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

    @Override
    public boolean isComplete() {
        return ended || configuration.isFinal();
    }

    @Override
    public void fillMask(long[] mask) {
        if (!constraint.fill(configuration, mask)) {
            throw new ConstraintException("no token of this model can continue a text that"
                    + " satisfies the constraint");
        }
    }
}
