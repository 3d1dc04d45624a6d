package dev.millrace.models.template;

/** Evaluation failed; {@link CompiledTemplate} adds the line and tells the caller. */
final class EvaluationException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    EvaluationException(String message) {
        super(message);
    }
}
