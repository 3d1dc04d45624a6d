package dev.millrace.models.store;

import java.io.IOException;
import java.io.InputStream;
import java.time.Duration;

/** Closes a stream that delivers nothing for too long, so that its reader does not hang. */
final class StallGuard implements AutoCloseable {

    private final InputStream watched;
    private final Duration patience;
    private final Thread thread;
    private volatile long lastProgressNanos = System.nanoTime();
    private volatile boolean stalled;

    StallGuard(InputStream watched, Duration patience) {
        this.watched = watched;
        this.patience = patience;
        this.thread = Thread.ofVirtual().name("stall-guard").start(this::watch);
    }

    /** Tells that something has arrived. */
    void progress() {
        lastProgressNanos = System.nanoTime();
    }

    /** Whether the stream was closed because it stalled. */
    boolean stalled() {
        return stalled;
    }

    private void watch() {
        try {
            long quietNanos = 0;
            while (quietNanos < patience.toNanos()) {
                Thread.sleep(Duration.ofNanos(patience.toNanos() - quietNanos));
                quietNanos = System.nanoTime() - lastProgressNanos;
            }
            stalled = true;
            watched.close();
        } catch (InterruptedException | IOException e) {
            // Interrupted: the download is over. A stream that cannot be closed is not read either.
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public void close() {
        thread.interrupt();
    }
}
