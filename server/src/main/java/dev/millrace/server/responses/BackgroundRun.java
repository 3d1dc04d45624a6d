package dev.millrace.server.responses;

import dev.millrace.server.openai.wire.ClientConnection;
import dev.millrace.server.openai.wire.ClientWatch;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import tools.jackson.databind.node.ObjectNode;

/**
 * A response that is made without its client: it remembers its events, for those who follow it, and
 * is its own connection, which is closed when somebody cancels it. Safe to share between threads.
 */
final class BackgroundRun implements EventOutput, ClientConnection {

    /** How often those who follow look after their connections. */
    private static final Duration PAUSE = Duration.ofMillis(250);

    private final String tenant;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition news = lock.newCondition();
    private final List<byte[]> events = new ArrayList<>();
    private ObjectNode response;
    private boolean ended;
    private volatile boolean cancelled;
    private volatile boolean forgotten;

    BackgroundRun(String tenant) {
        this.tenant = tenant;
    }

    /** Whether it is this tenant's. */
    boolean isOf(String other) {
        return tenant.equals(other);
    }

    @Override
    public void event(ObjectNode event) {
        byte[] frame = ServerSentEvents.frame(event);
        lock.lock();
        try {
            events.add(frame);
            if (event.has("response")) {
                response = (ObjectNode) event.get("response");
            }
            news.signalAll();
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void keepAlive() {
        // Whoever follows keeps their own connection alive.
    }

    @Override
    public boolean started() {
        lock.lock();
        try {
            return response != null;
        } finally {
            lock.unlock();
        }
    }

    @Override
    public boolean closedByClient() {
        return cancelled;
    }

    /** The response as of its last event about all of it. */
    ObjectNode response() {
        lock.lock();
        try {
            return response.deepCopy();
        } finally {
            lock.unlock();
        }
    }

    boolean ended() {
        lock.lock();
        try {
            return ended;
        } finally {
            lock.unlock();
        }
    }

    /** Nothing comes any more. @param last the response as it is, or null if there never was one */
    void end(ObjectNode last) {
        lock.lock();
        try {
            response = last;
            ended = true;
            news.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /** Has it end soon. */
    void cancel() {
        cancelled = true;
    }

    /** Has it end soon, and nobody keep it. */
    void forget() {
        forgotten = true;
        cancelled = true;
    }

    boolean isForgotten() {
        return forgotten;
    }

    /** Waits for its end. @return whether that came */
    boolean awaitEnd(Duration most) throws InterruptedException {
        long nanos = most.toNanos();
        lock.lock();
        try {
            while (!ended && nanos > 0) {
                nanos = news.awaitNanos(nanos);
            }
            return ended;
        } finally {
            lock.unlock();
        }
    }

    /**
     * Sends its events, also those that are still to come.
     *
     * @param from  number of the first
     * @param watch looks whether somebody still reads them
     * @throws IOException if nobody does
     */
    void follow(int from, ServerSentEvents output, ClientWatch watch)
            throws IOException, InterruptedException {
        int next = from;
        List<byte[]> frames = after(next);
        while (frames != null) {
            for (byte[] frame : frames) {
                output.write(frame);
            }
            next += frames.size();
            watch.check();
            if (frames.isEmpty()) {
                output.keepAlive();
            }
            frames = after(next);
        }
    }

    /** Events from this one on, perhaps none after a pause; null when no more come. */
    private List<byte[]> after(int next) throws InterruptedException {
        lock.lock();
        try {
            if (events.size() <= next && !ended) {
                news.await(PAUSE.toNanos(), TimeUnit.NANOSECONDS);
            }
            return events.size() <= next && ended
                    ? null
                    : List.copyOf(events.subList(Math.min(next, events.size()), events.size()));
        } finally {
            lock.unlock();
        }
    }
}
