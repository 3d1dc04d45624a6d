package dev.millrace.server.metering.prices;

import java.time.LocalDate;

/**
 * What a request would have cost elsewhere.
 *
 * @param sameWeights whether that is the same model rather than the nearest
 * @param nanoUsd     in 1e-9 US dollars
 * @param asOf        the day of the price
 */
public record Alternative(String provider, String model, boolean sameWeights, long nanoUsd,
        LocalDate asOf) {}
