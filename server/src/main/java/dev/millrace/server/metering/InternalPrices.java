package dev.millrace.server.metering;

import dev.millrace.engine.ServiceTier;
import java.math.BigInteger;
import java.util.Locale;

/**
 * What teams are charged for a dollar of cost, by how urgently a request is served, in millionths.
 * It moves money between teams and never changes what anything costs.
 */
public record InternalPrices(int flexPpm, int defaultPpm, int priorityPpm) {

    /** Every tier at cost. */
    public static final InternalPrices AT_COST = new InternalPrices(InternalPrices.ONE,
            InternalPrices.ONE, InternalPrices.ONE);

    /** Millionths in one. */
    public static final int ONE = 1_000_000;

    private static final BigInteger ONE_WHOLE = BigInteger.valueOf(ONE);
    private static final int MOST_PPM = 1_000 * ONE;

    public InternalPrices {
        requireFactor("flex", flexPpm);
        requireFactor("default", defaultPpm);
        requireFactor("priority", priorityPpm);
    }

    private static void requireFactor(String tier, int ppm) {
        if (ppm < 0 || ppm > MOST_PPM) {
            throw new IllegalArgumentException("the internal price of " + tier
                    + " must be between 0 and 1000 times the cost, got " + ppm + " millionths");
        }
    }

    /** The factor of a tier by its name in the ledger, in millionths. */
    public int ppmOf(String tier) {
        return switch (ServiceTier.valueOf(tier.toUpperCase(Locale.ROOT))) {
            case FLEX -> flexPpm;
            case DEFAULT -> defaultPpm;
            case PRIORITY -> priorityPpm;
        };
    }

    /** What is charged for a cost, rounded down. */
    public static long charged(long costNanoUsd, int ppm) {
        return ppm == ONE
                ? costNanoUsd
                : BigInteger.valueOf(costNanoUsd).multiply(BigInteger.valueOf(ppm))
                        .divide(ONE_WHOLE).longValueExact();
    }

    /** The largest cost that is charged no more than so much; without end where it is free. */
    static long costOf(long chargedNanoUsd, int ppm) {
        if (ppm == ONE || chargedNanoUsd == Long.MAX_VALUE) {
            return chargedNanoUsd;
        }
        if (ppm == 0) {
            return Long.MAX_VALUE;
        }
        BigInteger cost = BigInteger.valueOf(chargedNanoUsd).add(BigInteger.ONE)
                .multiply(ONE_WHOLE).subtract(BigInteger.ONE).divide(BigInteger.valueOf(ppm));
        return cost.bitLength() < Long.SIZE ? cost.longValue() : Long.MAX_VALUE;
    }
}
