package dev.millrace.engine;

/**
 * Where a request's time went, on the engine's clock.
 *
 * @param queueNanos      from submission to its first step
 * @param firstTokenNanos from submission to its first token; 0 if none was sampled
 * @param totalNanos      from submission to its end
 */
public record RequestTimings(long queueNanos, long firstTokenNanos, long totalNanos) {}
