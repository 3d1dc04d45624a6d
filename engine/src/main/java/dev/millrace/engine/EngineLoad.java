package dev.millrace.engine;

/**
 * What lies before a request that would be submitted now, of those that it would not overtake.
 *
 * @param requests     that run or wait
 * @param promptTokens of these that are still to be computed
 */
public record EngineLoad(int requests, long promptTokens) {}
