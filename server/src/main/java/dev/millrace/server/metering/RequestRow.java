package dev.millrace.server.metering;

/**
 * A request as the ledger keeps it.
 *
 * @param computedTokens prompt tokens that this request made the device compute
 * @param microjoules    energy, or -1 where none was measured
 * @param charge         what it cost; the row holds the whole nano-dollars
 * @param detail         why it was refused, or null
 */
record RequestRow(MeteredRequest request, int promptTokens, int cachedTokens, int completionTokens,
        long computedTokens, long prefillNanos, long decodeNanos, long microjoules, Charge charge,
        boolean assumed, String finishReason, String detail, long beganMillis,
        long finishedMillis) {

    Receipt receipt() {
        return new Receipt(request.requestId(), charge.nanoUsd(), prefillNanos, decodeNanos,
                microjoules, assumed);
    }
}
