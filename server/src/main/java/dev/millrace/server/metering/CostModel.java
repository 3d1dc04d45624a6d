package dev.millrace.server.metering;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.RoundingMode;
import tools.jackson.databind.JsonNode;

/**
 * What an hour of this machine costs us, by parts, each in whole nano-dollars per hour (rounded
 * half up); the rate is their sum, so that the parts always add up to it.
 *
 * @param depreciationNanoUsdPerHour (purchase - residual) / lifetime
 * @param rentNanoUsdPerHour         what a landlord or cloud charges; 0 where the machine is owned
 * @param energyNanoUsdPerHour       average watts x PUE x price of a kilowatt-hour
 * @param hostingNanoUsdPerHour      rack, room, network
 * @param assumed                    whether this is the default profile rather than configured
 */
public record CostModel(long depreciationNanoUsdPerHour, long rentNanoUsdPerHour,
        long energyNanoUsdPerHour, long hostingNanoUsdPerHour, boolean assumed) {

    /** Hours in a year and in a month, of 365 days: what the bill of an owned machine assumes. */
    public static final int HOURS_PER_YEAR = 8_760;
    public static final int HOURS_PER_MONTH = 730;

    private static final BigDecimal NANO_USD_PER_USD = BigDecimal.valueOf(1_000_000_000L);
    private static final BigDecimal WATTS_PER_KILOWATT = BigDecimal.valueOf(1_000);
    private static final BigInteger FRACTIONS = BigInteger.valueOf(Charge.FRACTIONS);

    public CostModel {
        if (Math.min(Math.min(depreciationNanoUsdPerHour, rentNanoUsdPerHour),
                Math.min(energyNanoUsdPerHour, hostingNanoUsdPerHour)) < 0) {
            throw new IllegalArgumentException(
                    "no part of a rate may be negative, got depreciation "
                            + depreciationNanoUsdPerHour + ", rent " + rentNanoUsdPerHour
                            + ", energy " + energyNanoUsdPerHour + ", hosting "
                            + hostingNanoUsdPerHour);
        }
        if (depreciationNanoUsdPerHour + rentNanoUsdPerHour + energyNanoUsdPerHour
                + hostingNanoUsdPerHour == 0) {
            throw new IllegalArgumentException("a machine that costs nothing cannot be metered:"
                    + " the rate is less than a nano-dollar per hour; check purchase_usd,"
                    + " usd_per_hour, watts and hosting_usd_per_month under cost:");
        }
    }

    /**
     * The machine's rate: as configured, or the default profile's where nothing is.
     *
     * @param cost the {@code cost:} section, or null
     * @throws IllegalArgumentException if the section says something that cannot be; names the key
     */
    public static CostModel configured(JsonNode cost) {
        if (cost == null || cost.isNull() || cost.isMissingNode()) {
            return of(CostConfig.ASSUMED, true);
        }
        return of(CostConfig.parse(cost), false);
    }

    static CostModel of(CostConfig config, boolean assumed) {
        long depreciation = 0;
        if (config.purchaseUsd() != null) {
            BigDecimal hours = config.lifetimeYears().multiply(BigDecimal.valueOf(HOURS_PER_YEAR));
            depreciation = nanoUsd(config.purchaseUsd().subtract(config.residualUsd()), hours);
        }
        long rent = config.usdPerHour() == null
                ? 0
                : nanoUsd(config.usdPerHour(), BigDecimal.ONE);
        BigDecimal energyUsd = config.averageWatts().multiply(config.pue())
                .multiply(config.usdPerKwh());
        return new CostModel(depreciation, rent, nanoUsd(energyUsd, WATTS_PER_KILOWATT),
                nanoUsd(config.hostingUsdPerMonth(), BigDecimal.valueOf(HOURS_PER_MONTH)), assumed);
    }

    /** The rate that everything is billed at. */
    public long nanoUsdPerHour() {
        return depreciationNanoUsdPerHour + rentNanoUsdPerHour + energyNanoUsdPerHour
                + hostingNanoUsdPerHour;
    }

    /** What so much time costs, exactly. */
    Charge charge(long nanos) {
        return charge(nanos, nanoUsdPerHour());
    }

    static Charge charge(long nanos, long nanoUsdPerHour) {
        if (nanos < 0) {
            throw new IllegalArgumentException("time must not be negative, got " + nanos + " ns");
        }
        BigInteger[] parts = BigInteger.valueOf(nanos).multiply(BigInteger.valueOf(nanoUsdPerHour))
                .divideAndRemainder(FRACTIONS);
        return new Charge(parts[0].longValueExact(), parts[1].longValueExact());
    }

    private static long nanoUsd(BigDecimal usd, BigDecimal divisor) {
        return usd.multiply(NANO_USD_PER_USD).divide(divisor, 0, RoundingMode.HALF_UP)
                .longValueExact();
    }
}
