package dev.millrace.engine;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Events on their way from the engine's thread to a reader.
 *
 * <p>The writer never waits, however slow the reader is, or gone. What piles up is bounded by what
 * the request may generate at all: one event per token of its limit, and the end.
 */
final class EventStream {

    private final int capacity;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition arrived = lock.newCondition();
    private final Deque<GenerationEvent> events = new ArrayDeque<>();
    private int published;
    private boolean ended;

    /** @param tokenLimit most tokens that will be published */
    EventStream(int tokenLimit) {
        capacity = tokenLimit + 1;
    }

    void publish(GenerationEvent event) {
        lock.lock();
        try {
            if (published == capacity) {
                throw new IllegalStateException(
                        "more than " + capacity + " events for one request");
            }
            published++;
            events.add(event);
            arrived.signal();
        } finally {
            lock.unlock();
        }
    }

    /** As {@link Generation#next}. */
    GenerationEvent next(Duration timeout) throws InterruptedException {
        lock.lockInterruptibly();
        try {
            if (ended) {
                throw new IllegalStateException("the generation has ended: nothing follows its"
                        + " Finished event");
            }
            long remainingNanos = timeout.toNanos();
            while (events.isEmpty() && remainingNanos > 0) {
                remainingNanos = arrived.awaitNanos(remainingNanos);
            }
            GenerationEvent event = events.poll();
            ended = event instanceof GenerationEvent.Finished;
            return event;
        } finally {
            lock.unlock();
        }
    }
}
