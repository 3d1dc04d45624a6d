package dev.millrace.engine.forward;

/**
 * The device had an error that it will not recover from while the process lives: nothing that is
 * asked of it will succeed any more. The message says what happened and what to do.
 */
public final class DeviceLostException extends BackendException {

    private static final long serialVersionUID = 1L;

    public DeviceLostException(String message, Throwable cause) {
        super(message, cause);
    }
}
