package dev.millrace.engine;

import dev.millrace.models.LoraAdapter;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/** Runs many generations on one model; safe to share between threads. */
public interface Engine extends AutoCloseable {

    /**
     * Queues a generation. Those that have one and the same array for their prompt, as the choices
     * of a request, run on one device as long as that takes them. Its token limit may reach beyond
     * the context: the generation then ends with the context, as {@link FinishReason#LENGTH}.
     *
     * @throws IllegalArgumentException if the request can never run (prompt that fills the context
     *                                  or the cache, token out of range); says both counts; or if
     *                                  its adapter is not loaded
     * @throws OverloadException        if the queue is full, the engine is draining, or its device
     *                                  is lost
     * @throws IllegalStateException    if the engine has stopped after an internal error
     */
    Generation submit(GenerationRequest request);

    /**
     * Loads an adapter between two steps, for requests that name its slot from then on.
     *
     * @param adapter opened for this engine's model; the engine's from now on, unless this fails
     * @return its slot, which no other adapter ever gets
     * @throws dev.millrace.engine.forward.BackendException if the device has no room for it
     * @throws OverloadException if the device is lost
     */
    int loadAdapter(LoraAdapter adapter);

    /**
     * Takes no more requests for an adapter, and frees it once the last one has ended.
     *
     * @throws IllegalArgumentException if there is none in this slot
     */
    void unloadAdapter(int slot);

    /** Whether the model is on the device; if not, the next request brings it there. */
    default boolean loaded() {
        return true;
    }

    /** Why it has stopped for good, in a sentence for clients; empty while it has not. */
    default Optional<String> failure() {
        return Optional.empty();
    }

    /** The engines behind it, where there are several; else empty. */
    default List<ReplicaStatus> replicas() {
        return List.of();
    }

    /** What is going on, for metrics; the sums of all engines behind it. */
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
