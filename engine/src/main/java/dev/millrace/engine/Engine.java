package dev.millrace.engine;

import java.time.Duration;

/** Runs many generations on one model; safe to share between threads. */
public interface Engine extends AutoCloseable {

    /**
     * Queues a generation. Its token limit may reach beyond the context: the generation then ends
     * with the context, as {@link FinishReason#LENGTH}.
     *
     * @throws IllegalArgumentException if the request can never run (prompt that fills the context
     *                                  or the cache, token out of range); says both counts
     * @throws OverloadException        if the queue is full or the engine is draining
     * @throws IllegalStateException    if the engine has stopped after an internal error
     */
    Generation submit(GenerationRequest request);

    /** What is going on, for metrics. */
    EngineStatus status();

    /**
     * Refuses new requests and lets running ones finish.
     *
     * @return whether all finished in time; what remains is cancelled
     */
    boolean drain(Duration timeout);

    /** Cancels what is left and stops the loop. */
    @Override
    void close();
}
