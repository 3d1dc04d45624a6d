package dev.millrace.server.tracing;

import dev.millrace.engine.RequestTimings;
import dev.millrace.engine.TokenUsage;

/**
 * What a trace tells of one generation that has ended.
 *
 * @param traceparent  the request's header; null if it had none
 * @param operation    {@code chat} or {@code text_completion}, as OpenTelemetry calls it
 * @param model        its name in the request
 * @param id           of the answer
 * @param maxTokens    most tokens that it was allowed
 * @param temperature  that its tokens were drawn with
 * @param finishReason why it ended
 * @param failed       whether that is an error
 * @param startNanos   when it was submitted, since 1970
 */
public record TracedGeneration(String traceparent, String operation, String model, String id,
        int maxTokens, double temperature, String finishReason, boolean failed, long startNanos,
        RequestTimings timings, TokenUsage usage) {}
