package dev.millrace.server.metering.report;

import dev.millrace.server.metering.MeteredRequest;
import dev.millrace.server.metering.RequestLabels;

/**
 * A request as reports see it, or what several add up to.
 *
 * @param id             null for several
 * @param keyId          the API key, or null where none was needed
 * @param project        the key's, or null
 * @param adapter        of the model, or null
 * @param tier           how urgently it was served
 * @param labels         what the client said about it
 * @param cachedTokens   of the prompt, taken from the cache
 * @param computedTokens of the prompt, computed
 * @param costNanoUsd    what it consumed: the usage basis
 * @param chargedNanoUsd what its team is charged: the cost at the tier's internal price
 * @param microjoules    energy, or -1 where none was measured
 * @param finishReason   null for several
 * @param requests       how many these are
 */
public record TraceRow(String id, String model, String tenant, String keyId, String project,
        String adapter, String endpoint, String tier, RequestLabels labels, long promptTokens,
        long cachedTokens, long computedTokens, long completionTokens, long prefillNanos,
        long decodeNanos, long costNanoUsd, long chargedNanoUsd, long microjoules,
        String finishReason, long beganMillis, long finishedMillis, long requests) {

    /** One request; of several the average one, in whole tokens. */
    public TraceRow one() {
        return requests == 1
                ? this
                : new TraceRow(id, model, tenant, keyId, project, adapter, endpoint, tier, labels,
                        share(promptTokens), share(cachedTokens), share(computedTokens),
                        share(completionTokens), share(prefillNanos), share(decodeNanos),
                        share(costNanoUsd), share(chargedNanoUsd),
                        microjoules < 0 ? -1 : share(microjoules), finishReason, beganMillis,
                        finishedMillis, 1);
    }

    private long share(long sum) {
        return (sum + requests / 2) / requests;
    }

    /** Whether it is a row of a batch, which hosts have other prices for. */
    public boolean ofBatch() {
        return endpoint.equals(MeteredRequest.BATCHES);
    }

    public long deviceNanos() {
        return prefillNanos + decodeNanos;
    }
}
