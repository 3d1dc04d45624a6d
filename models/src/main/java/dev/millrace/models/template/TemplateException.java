package dev.millrace.models.template;

/** A template that does not compile, or that refuses or fails to render a conversation. */
public final class TemplateException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    public TemplateException(String message) {
        super(message);
    }
}
