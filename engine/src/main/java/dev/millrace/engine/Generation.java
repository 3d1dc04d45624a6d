package dev.millrace.engine;

import java.time.Duration;

/** A running generation as its reader sees it. One reader at a time. */
public interface Generation {

    /** The request's id. */
    String id();

    /**
     * Waits for the next event.
     *
     * @return the event, or null if none came in time (so that a server can send a keep-alive)
     * @throws InterruptedException if interrupted while waiting; the generation goes on
     */
    GenerationEvent next(Duration timeout) throws InterruptedException;

    /**
     * The natural logarithm of the probability that the model gave to all sampled tokens together,
     * under their logits before any sampling setting; once {@code Finished} has come, and where the
     * request asked for log probabilities.
     */
    double logProbability();

    /**
     * What the model made of the prompt; once any event has come. Null where the request did not
     * ask.
     */
    PromptLogprobs promptLogprobs();

    /**
     * The model's normed state after the prompt's last token, (embedding), not scaled; once
     * {@code Finished} has come as STOP. Null where the request did not ask.
     */
    float[] promptState();

    /** Ends the generation within a step; idempotent. Finished still comes, as CANCELLED. */
    void cancel();

    /**
     * Ends the generation within a step, as if it had reached its token limit: Finished comes as
     * LENGTH, with the tokens that there are. Idempotent; nothing happens if it has ended.
     */
    void curtail();
}
