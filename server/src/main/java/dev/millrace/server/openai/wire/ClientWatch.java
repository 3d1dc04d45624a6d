package dev.millrace.server.openai.wire;

import java.time.Duration;

/** Looks now and then whether the client is still there, while nothing is written to it. */
public final class ClientWatch {

    private final ClientConnection connection;
    private final long intervalNanos;
    private long lastNanos = System.nanoTime();

    public ClientWatch(ClientConnection connection, Duration interval) {
        this.connection = connection;
        this.intervalNanos = interval.toNanos();
    }

    /** Looks, at most once an interval. @throws ClientGoneException if the client is gone */
    public void check() throws ClientGoneException {
        long now = System.nanoTime();
        if (now - lastNanos < intervalNanos) {
            return;
        }
        lastNanos = now;
        if (connection.closedByClient()) {
            throw new ClientGoneException();
        }
    }
}
