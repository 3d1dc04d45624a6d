package dev.millrace.server.metering;

import dev.millrace.server.metering.prices.Counterfactual;
import dev.millrace.server.metering.rate.Charge;

/**
 * A request as the ledger keeps it.
 *
 * @param computedTokens prompt tokens that this request made the device compute
 * @param microjoules    energy, or -1 where none was measured
 * @param charge         what it cost; the row holds the whole nano-dollars
 * @param rateChanged    whether the rate changed while it ran, so that its charge is not its time
 *                       times one rate
 * @param chargedNanoUsd what budgets are charged, or -1 where that is what it cost
 * @param overrunNanoUsd what its last step took beyond what was set aside, and nobody is charged
 * @param detail         why it was refused, or null
 */
record RequestRow(MeteredRequest request, int promptTokens, int cachedTokens, int completionTokens,
        long computedTokens, long prefillNanos, long decodeNanos, long microjoules, Charge charge,
        long chargedNanoUsd, long overrunNanoUsd, boolean rateChanged, boolean assumed,
        String finishReason,
        String detail, long beganMillis,
        long finishedMillis) {

    /** What teams are charged. */
    long charged() {
        return chargedNanoUsd < 0 ? charge.nanoUsd() : chargedNanoUsd;
    }

    /**
     * For whoever asked.
     *
     * @param allocationFactor the bill over the cost of requests; NaN without any
     * @param energySource     in words
     */
    Receipt receipt(double allocationFactor, Counterfactual elsewhere, String energySource) {
        return new Receipt(request.requestId(), charge.nanoUsd(), prefillNanos, decodeNanos,
                microjoules, assumed, Double.isNaN(allocationFactor)
                        ? -1
                        : Math.round(charge.nanoUsd() * allocationFactor),
                elsewhere.price(request.model(), promptTokens,
                        Math.min(cachedTokens, promptTokens), completionTokens,
                        request.ofBatch()),
                charged(), microjoules < 0 ? null : energySource);
    }
}
