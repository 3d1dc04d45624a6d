package dev.millrace.server.metering;

import dev.millrace.server.metering.rate.Charge;

/**
 * A request in progress as a checkpoint keeps it.
 *
 * @param chargedNanoUsd what budgets are charged so far, or -1 where that is what it cost
 */
record OpenRow(MeteredRequest request, long computedTokens, long decodedTokens, long prefillNanos,
        long decodeNanos, long microjoules, Charge charge, long chargedNanoUsd, long beganMillis) {}
