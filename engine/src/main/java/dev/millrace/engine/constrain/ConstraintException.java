package dev.millrace.engine.constrain;

/** A completion that cannot go on under its constraint; concerns that completion alone. */
public final class ConstraintException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    ConstraintException(String message) {
        super(message);
    }
}
