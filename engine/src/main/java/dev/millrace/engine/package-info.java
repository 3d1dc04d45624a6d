/**
 * Many requests, one loop. Knows neither HTTP nor money.
 *
 * <p>{@link dev.millrace.engine.BatchingEngine} takes requests on any thread and leaves them in the
 * {@code Inbox}; {@code EngineLoop}, on a thread of its own, lets the {@code Scheduler} plan a step
 * over the {@code BlockCache}, runs it in the {@link dev.millrace.engine.DeviceLane}, tells the
 * {@link dev.millrace.engine.StepObserver} what it cost, and only then lets each {@code Reply}
 * publish its tokens.
 */
package dev.millrace.engine;
