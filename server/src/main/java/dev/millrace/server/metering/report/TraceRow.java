package dev.millrace.server.metering.report;

/**
 * A request as reports see it.
 *
 * @param keyId          the API key, or null where none was needed
 * @param cachedTokens   of the prompt, taken from the cache
 * @param computedTokens of the prompt, computed
 * @param costNanoUsd    what it consumed: the usage basis
 * @param microjoules    energy, or -1 where none was measured
 */
public record TraceRow(String id, String model, String tenant, String keyId, String endpoint,
        long promptTokens, long cachedTokens, long computedTokens, long completionTokens,
        long prefillNanos, long decodeNanos, long costNanoUsd, long microjoules,
        String finishReason, long beganMillis, long finishedMillis) {

    public long deviceNanos() {
        return prefillNanos + decodeNanos;
    }
}
