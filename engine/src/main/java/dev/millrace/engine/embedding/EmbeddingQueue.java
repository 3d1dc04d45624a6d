package dev.millrace.engine.embedding;

import dev.millrace.engine.OverloadException;
import dev.millrace.models.text.EncoderInput;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongSupplier;

/** The requests that an embedding engine has, and whose texts come next. */
final class EmbeddingQueue {

    /** What to tell a client that finds the queue full: about the time of some steps. */
    private static final Duration RETRY = Duration.ofSeconds(1);

    private final EmbeddingSettings settings;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private final Set<PendingEmbedding> live = new LinkedHashSet<>();
    private final ArrayDeque<PendingEmbedding> waiting = new ArrayDeque<>();
    private long liveTokens;
    private boolean draining;
    private boolean closed;

    /** A text of a request, or {@link #NONE} of one that was cancelled. */
    record Part(PendingEmbedding pending, int text) {

        static final int NONE = -1;

        EncoderInput input() {
            return pending.request.texts().get(text);
        }
    }

    EmbeddingQueue(EmbeddingSettings settings) {
        this.settings = settings;
    }

    /** @throws OverloadException if there is no room, or the engine is draining */
    void submit(PendingEmbedding pending) {
        if (pending.tokens > settings.queuedTokens()) {
            throw new IllegalArgumentException("the texts have " + pending.tokens
                    + " tokens together, but one request may have at most "
                    + settings.queuedTokens() + "; send them in several requests");
        }
        lock.lock();
        try {
            if (draining || closed) {
                throw new OverloadException("the server is stopping", RETRY);
            }
            if (live.size() >= settings.queuedRequests()
                    || liveTokens + pending.tokens > settings.queuedTokens()) {
                throw new OverloadException(live.size() + " requests with " + liveTokens
                        + " tokens wait to be embedded; this server lets at most "
                        + settings.queuedRequests() + " with " + settings.queuedTokens()
                        + " wait", RETRY);
            }
            live.add(pending);
            waiting.add(pending);
            liveTokens += pending.tokens;
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /**
     * Waits for work and takes a step's share of it, in turn from every request.
     *
     * @return null if there will be no more
     */
    List<Part> await(LongSupplier clock) throws InterruptedException {
        lock.lock();
        try {
            while (waiting.isEmpty() && !closed) {
                changed.await();
            }
            return closed ? null : take(clock.getAsLong());
        } finally {
            lock.unlock();
        }
    }

    private List<Part> take(long nowNanos) {
        List<Part> parts = new ArrayList<>();
        int tokens = 0;
        while (!waiting.isEmpty()) {
            PendingEmbedding next = waiting.peek();
            if (next.cancelled()) {
                waiting.poll();
                parts.add(new Part(next, Part.NONE));
                continue;
            }
            int length = next.nextLength();
            if (tokens > 0 && tokens + length > settings.stepTokens()) {
                break;
            }
            waiting.poll();
            parts.add(new Part(next, next.take(nowNanos)));
            tokens += length;
            if (!next.allTaken()) {
                waiting.add(next);
            }
        }
        return parts;
    }

    boolean remove(PendingEmbedding pending) {
        lock.lock();
        try {
            if (!live.remove(pending)) {
                return false;
            }
            waiting.remove(pending);
            liveTokens -= pending.tokens;
            changed.signalAll();
            return true;
        } finally {
            lock.unlock();
        }
    }

    int live() {
        lock.lock();
        try {
            return live.size();
        } finally {
            lock.unlock();
        }
    }

    List<PendingEmbedding> all() {
        lock.lock();
        try {
            return List.copyOf(live);
        } finally {
            lock.unlock();
        }
    }

    /** @return whether all requests ended in time */
    boolean drain(Duration timeout) throws InterruptedException {
        lock.lock();
        try {
            draining = true;
            long left = timeout.toNanos();
            while (!live.isEmpty() && left > 0) {
                left = changed.awaitNanos(left);
            }
            return live.isEmpty();
        } finally {
            lock.unlock();
        }
    }

    void close() {
        lock.lock();
        try {
            closed = true;
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }
}
