package dev.millrace.server.metering;

import dev.millrace.server.metering.rate.Charge;

/** A request in progress as a checkpoint keeps it. */
record OpenRow(MeteredRequest request, long computedTokens, long decodedTokens, long prefillNanos,
        long decodeNanos, long microjoules, Charge charge, long beganMillis) {}
