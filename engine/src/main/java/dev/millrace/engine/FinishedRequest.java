package dev.millrace.engine;

/** How a request ended. Told exactly once, however it ended. */
public record FinishedRequest(String requestId, FinishReason reason, TokenUsage usage,
        RequestTimings timings) {}
