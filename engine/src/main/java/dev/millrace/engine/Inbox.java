package dev.millrace.engine;

import dev.millrace.engine.forward.DeviceLostException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BiConsumer;
import java.util.function.Consumer;

/**
 * Where other threads leave requests and ends for the engine's thread. Keeps the queue
 * within its limits and knows which requests have not ended yet.
 */
final class Inbox {

    private static final String STOPPED = "the engine stopped after an internal error; the"
            + " server's log says why";
    /** When somebody may have restarted the server. */
    private static final Duration RESTART = Duration.ofSeconds(30);

    private final EngineSettings settings;

    private final ReentrantLock lock = new ReentrantLock();
    private final Condition mail = lock.newCondition();
    private final Condition emptied = lock.newCondition();
    private final WaitEstimate estimate = new WaitEstimate();
    private final Set<Sequence> live = new LinkedHashSet<>();
    private final Map<int[], Integer> prompts = new IdentityHashMap<>(); // of live ones: how many
    private final Map<Sequence, FinishReason> ending = new LinkedHashMap<>();
    private List<Sequence> submitted = new ArrayList<>();
    private long arrivals;
    private int queuedRequests;
    private long queuedTokens;
    private final int[] queuedOfTier = new int[ServiceTier.values().length];
    private final long[] queuedTokensOfTier = new long[ServiceTier.values().length];
    private boolean draining;
    private boolean closed;
    private Throwable failure;

    Inbox(EngineSettings settings) {
        this.settings = settings;
    }

    /** @throws OverloadException if the queue is full or the engine takes nothing more */
    void submit(Sequence sequence) {
        lock.lock();
        try {
            requireOpen();
            int tokens = sequence.promptTokens();
            if (queuedRequests == settings.queuedRequests()) {
                throw overload("the queue is full with " + queuedRequests + " requests");
            }
            // A prompt longer than the limit may still wait, but alone.
            if (queuedRequests > 0 && queuedTokens + tokens > settings.queuedTokens()) {
                throw overload("the queue is full with " + queuedTokens + " prompt tokens; "
                        + tokens + " more would exceed " + settings.queuedTokens());
            }
            sequence.arrive(arrivals++);
            queue(sequence, 1);
            live.add(sequence);
            prompts.merge(sequence.request().prompt(), 1, Integer::sum);
            submitted.add(sequence);
            mail.signal();
        } finally {
            lock.unlock();
        }
    }

    private void requireOpen() {
        if (failure instanceof DeviceLostException lost) {
            throw lost(lost);
        }
        if (failure != null) {
            throw new IllegalStateException("the engine stopped after an internal error; restart"
                    + " the server", failure);
        }
        if (draining) {
            throw new OverloadException("the engine is shutting down and takes no new requests",
                    WaitEstimate.LEAST);
        }
    }

    /** The refusal of everything once a device is lost. */
    static OverloadException lost(DeviceLostException lost) {
        return new OverloadException(lost.getMessage(), RESTART);
    }

    private OverloadException overload(String why) {
        Duration wait = estimate.wait(queuedRequests);
        return new OverloadException(why + "; try again in " + wait.toSeconds() + " s", wait);
    }

    /** Asks for the end of a request; nothing happens if it has ended or somebody has asked. */
    void end(Sequence sequence, FinishReason reason) {
        lock.lock();
        try {
            if (live.contains(sequence) && ending.putIfAbsent(sequence, reason) == null) {
                mail.signal();
            }
        } finally {
            lock.unlock();
        }
    }

    void cancelAll() {
        lock.lock();
        try {
            live.forEach(sequence -> ending.putIfAbsent(sequence, FinishReason.CANCELLED));
            mail.signal();
        } finally {
            lock.unlock();
        }
    }

    /** Takes no more requests. */
    void drain() {
        lock.lock();
        try {
            draining = true;
        } finally {
            lock.unlock();
        }
    }

    /** Takes no more requests and cancels all; then there will be nothing left to wait for. */
    void close() {
        lock.lock();
        try {
            draining = true;
            closed = true;
            cancelAll();
        } finally {
            lock.unlock();
        }
    }

    /** Takes no more requests because no step can run any more. */
    void fail(Throwable cause) {
        lock.lock();
        try {
            failure = cause;
            draining = true;
            closed = true;
            mail.signal();
        } finally {
            lock.unlock();
        }
    }

    /** Why nothing can run any more, for clients. */
    Optional<String> failure() {
        lock.lock();
        try {
            return Optional.ofNullable(failure).map(cause -> cause instanceof DeviceLostException
                    ? cause.getMessage()
                    : STOPPED);
        } finally {
            lock.unlock();
        }
    }

    /**
     * For the engine's thread: waits for mail if there is nothing else to do.
     *
     * @return false when nothing will ever come again
     */
    boolean await(boolean idle) {
        lock.lock();
        try {
            while (idle && submitted.isEmpty() && ending.isEmpty() && !closed) {
                mail.awaitUninterruptibly();
            }
            return !(closed && live.isEmpty());
        } finally {
            lock.unlock();
        }
    }

    /** For the engine's thread: hands over what has come, ends last. */
    void deliver(Consumer<Sequence> submission, BiConsumer<Sequence, FinishReason> end) {
        List<Sequence> arrived;
        Map<Sequence, FinishReason> asked;
        lock.lock();
        try {
            arrived = submitted;
            submitted = new ArrayList<>();
            asked = new LinkedHashMap<>(ending);
            ending.clear();
        } finally {
            lock.unlock();
        }
        arrived.forEach(submission);
        asked.forEach(end);
    }

    /** For the engine's thread: notes that a request has left the queue to run. */
    void started(Sequence sequence, long nowNanos) {
        lock.lock();
        try {
            queue(sequence, -1);
            estimate.departed(sequence.reply().submittedNanos(), nowNanos);
        } finally {
            lock.unlock();
        }
    }

    /** For the engine's thread: notes that a request has ended and its reader knows. */
    void ended(Sequence sequence) {
        lock.lock();
        try {
            if (live.remove(sequence)) {
                prompts.computeIfPresent(sequence.request().prompt(),
                        (_, count) -> count == 1 ? null : count - 1);
            }
            ending.remove(sequence);
            if (!sequence.started()) {
                queue(sequence, -1);
            }
            if (live.isEmpty()) {
                emptied.signalAll();
            }
        } finally {
            lock.unlock();
        }
    }

    /** Notes that a request enters the queue (1) or leaves it (-1). */
    private void queue(Sequence sequence, int sign) {
        int tier = sequence.request().terms().tier().ordinal();
        int tokens = sign * sequence.promptTokens();
        queuedRequests += sign;
        queuedTokens += tokens;
        queuedOfTier[tier] += sign;
        queuedTokensOfTier[tier] += tokens;
    }

    /** Whether a live request has this very prompt. */
    boolean hasPrompt(int[] prompt) {
        lock.lock();
        try {
            return prompts.containsKey(prompt);
        } finally {
            lock.unlock();
        }
    }

    /** All that runs, and what waits in the tier or a better one, with the prompts that wait. */
    EngineLoad load(ServiceTier tier) {
        lock.lock();
        try {
            int requests = live.size();
            long tokens = queuedTokens;
            for (int worse = tier.ordinal() + 1; worse < queuedOfTier.length; worse++) {
                requests -= queuedOfTier[worse];
                tokens -= queuedTokensOfTier[worse];
            }
            return new EngineLoad(requests, tokens);
        } finally {
            lock.unlock();
        }
    }

    /** Waits until no request is left. @return whether that happened in time */
    boolean awaitEmpty(Duration timeout) throws InterruptedException {
        lock.lockInterruptibly();
        try {
            long remainingNanos = timeout.toNanos();
            while (!live.isEmpty() && remainingNanos > 0) {
                remainingNanos = emptied.awaitNanos(remainingNanos);
            }
            return live.isEmpty();
        } finally {
            lock.unlock();
        }
    }

    /** The requests that have not ended. */
    List<Sequence> live() {
        lock.lock();
        try {
            return List.copyOf(live);
        } finally {
            lock.unlock();
        }
    }

    int liveRequests() {
        lock.lock();
        try {
            return live.size();
        } finally {
            lock.unlock();
        }
    }

    boolean draining() {
        lock.lock();
        try {
            return draining;
        } finally {
            lock.unlock();
        }
    }
}
