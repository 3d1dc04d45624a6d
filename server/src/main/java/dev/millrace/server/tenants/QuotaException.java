package dev.millrace.server.tenants;

import java.time.Duration;

/** A key has used up what it may use in a minute. */
public final class QuotaException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    private final String resource;
    private final Duration retryAfter;

    QuotaException(String resource, String message, Duration retryAfter) {
        super(message);
        this.resource = resource;
        this.retryAfter = retryAfter;
    }

    /** What is used up: {@code requests} or {@code tokens}. */
    public String resource() {
        return resource;
    }

    /** When there will be enough. */
    public Duration retryAfter() {
        return retryAfter;
    }
}
