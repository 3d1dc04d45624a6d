package dev.millrace.server.wiring;

import java.util.ArrayDeque;
import java.util.Deque;

/** What has been opened so far, to be closed in the opposite order. */
final class Closing {

    private final Deque<AutoCloseable> opened = new ArrayDeque<>();

    <T extends AutoCloseable> T later(T resource) {
        opened.push(resource);
        return resource;
    }

    /** Puts a resource in the place of one that it owns from now on. */
    void insteadOf(AutoCloseable owned, AutoCloseable owner) {
        opened.remove(owned);
        opened.push(owner);
    }

    /** Closes everything, come what may. @throws RuntimeException the first that was thrown */
    void close() {
        RuntimeException failure = null;
        while (!opened.isEmpty()) {
            try {
                opened.pop().close();
            } catch (Exception e) {
                RuntimeException named = e instanceof RuntimeException unchecked
                        ? unchecked
                        : new IllegalStateException("cannot close", e);
                if (failure == null) {
                    failure = named;
                } else {
                    failure.addSuppressed(named);
                }
            }
        }
        if (failure != null) {
            throw failure;
        }
    }

    /** Closes everything because of a failure, which stays the one to report. */
    void closeAfter(Throwable failure) {
        try {
            close();
        } catch (RuntimeException e) {
            failure.addSuppressed(e);
        }
    }
}
