package dev.millrace.engine.constrain;

/** A constraint that cannot be enforced: what it asks for is wrong, unsupported or too large. */
public final class GrammarException extends IllegalArgumentException {

    private static final long serialVersionUID = 1L;

    public GrammarException(String message) {
        super(message);
    }
}
