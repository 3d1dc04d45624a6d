package dev.millrace.engine.forward;

/** A backend that cannot run what it was asked to; the message says what to do instead. */
public sealed class BackendException extends RuntimeException permits DeviceLostException {

    private static final long serialVersionUID = 1L;

    public BackendException(String message) {
        super(message);
    }

    public BackendException(String message, Throwable cause) {
        super(message, cause);
    }
}
