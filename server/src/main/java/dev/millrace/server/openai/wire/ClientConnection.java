package dev.millrace.server.openai.wire;

/** The connection that a request came on. */
@FunctionalInterface
public interface ClientConnection {

    /** Whether the client has closed its end, so that nobody will read the answer. */
    boolean closedByClient();
}
