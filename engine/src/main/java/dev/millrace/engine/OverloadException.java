package dev.millrace.engine;

import java.time.Duration;

/** The engine takes no more for now. */
public final class OverloadException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    private final Duration retryAfter;

    public OverloadException(String message, Duration retryAfter) {
        super(message);
        this.retryAfter = retryAfter;
    }

    /** When trying again makes sense; an estimate. */
    public Duration retryAfter() {
        return retryAfter;
    }
}
