package dev.millrace.engine;

/**
 * Whoever keeps the books. Called on the engine's thread: a few additions, no I/O, no exceptions.
 *
 * <p>Order: {@link #onStep} before any of the step's tokens is published, {@link #onFinished}
 * exactly once per submitted request, after its last step and before its Finished event.
 */
public interface StepObserver {

    void onStep(StepRecord step);

    void onFinished(FinishedRequest request);
}
