package dev.millrace.server.http;

/** A server that cannot listen; the message tells the user what to do. */
public final class ServerStartException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    ServerStartException(String message, Throwable cause) {
        super(message, cause);
    }
}
