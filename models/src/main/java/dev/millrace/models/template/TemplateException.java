package dev.millrace.models.template;

/** A template that does not compile, or that refuses or fails to render a conversation. */
public final class TemplateException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    /** @param message cut where it is too long: a template can make it of anything */
    public TemplateException(String message) {
        super(message.length() <= TemplateLimits.MESSAGE_CHARS
                ? message
                : message.substring(0, TemplateLimits.MESSAGE_CHARS) + "...");
    }
}
