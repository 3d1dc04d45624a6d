package dev.millrace.server.metering.rate;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.RoundingMode;

/**
 * What an hour of this machine costs us, by parts, each in whole nano-dollars per hour (rounded
 * half up); the rate is their sum, so that the parts always add up to it.
 *
 * @param depreciationNanoUsdPerHour (purchase - residual) / lifetime
 * @param rentNanoUsdPerHour         what a landlord or cloud charges; 0 where the machine is owned
 * @param energyNanoUsdPerHour       average watts x PUE x price of a kilowatt-hour
 * @param hostingNanoUsdPerHour      rack, room, network
 * @param licenceNanoUsdPerHour      software that the machine needs
 * @param staffNanoUsdPerHour        this machine's share of the people who look after it
 * @param milligramsCo2PerHour       average watts x PUE x carbon of a kilowatt-hour; 0 where
 *                                   nobody has said
 * @param assumed                    whether this is the default profile rather than configured
 */
public record CostModel(long depreciationNanoUsdPerHour, long rentNanoUsdPerHour,
        long energyNanoUsdPerHour, long hostingNanoUsdPerHour, long licenceNanoUsdPerHour,
        long staffNanoUsdPerHour, long milligramsCo2PerHour, boolean assumed) {

    /** Hours in a year and in a month, of 365 days: what the bill of an owned machine assumes. */
    public static final int HOURS_PER_YEAR = 8_760;
    public static final int HOURS_PER_MONTH = 730;

    private static final BigDecimal NANO_USD_PER_USD = BigDecimal.valueOf(1_000_000_000L);
    private static final BigDecimal WATTS_PER_KILOWATT = BigDecimal.valueOf(1_000);
    private static final BigInteger FRACTIONS = BigInteger.valueOf(Charge.FRACTIONS);

    public CostModel {
        long least = Math.min(
                Math.min(Math.min(depreciationNanoUsdPerHour, rentNanoUsdPerHour),
                        Math.min(energyNanoUsdPerHour, hostingNanoUsdPerHour)),
                Math.min(Math.min(licenceNanoUsdPerHour, staffNanoUsdPerHour),
                        milligramsCo2PerHour));
        if (least < 0) {
            throw new IllegalArgumentException(
                    "no part of a rate may be negative, got depreciation "
                            + depreciationNanoUsdPerHour + ", rent " + rentNanoUsdPerHour
                            + ", energy " + energyNanoUsdPerHour + ", hosting "
                            + hostingNanoUsdPerHour + ", licence " + licenceNanoUsdPerHour
                            + ", staff " + staffNanoUsdPerHour + ", carbon "
                            + milligramsCo2PerHour);
        }
        if (depreciationNanoUsdPerHour + rentNanoUsdPerHour + energyNanoUsdPerHour
                + hostingNanoUsdPerHour + licenceNanoUsdPerHour + staffNanoUsdPerHour == 0) {
            throw new IllegalArgumentException("a machine that costs nothing cannot be metered:"
                    + " the rate is less than a nano-dollar per hour; check purchase_usd,"
                    + " usd_per_hour, watts and hosting_usd_per_month under cost:");
        }
    }

    /** A machine that is rented, all included. */
    public static CostModel ofRent(long nanoUsdPerHour, boolean assumed) {
        return new CostModel(0, nanoUsdPerHour, 0, 0, 0, 0, 0, assumed);
    }

    /** @param usdPerKwh the price of energy at the time */
    static CostModel of(CostConfig config, BigDecimal usdPerKwh, boolean assumed) {
        long depreciation = 0;
        if (config.purchaseUsd() != null) {
            BigDecimal hours = config.lifetimeYears().multiply(BigDecimal.valueOf(HOURS_PER_YEAR));
            depreciation = nanoUsd(config.purchaseUsd().subtract(config.residualUsd()), hours);
        }
        long rent = config.usdPerHour() == null
                ? 0
                : nanoUsd(config.usdPerHour(), BigDecimal.ONE);
        BigDecimal boughtWatts = config.averageWatts().multiply(config.pue());
        return new CostModel(depreciation, rent,
                nanoUsd(boughtWatts.multiply(usdPerKwh), WATTS_PER_KILOWATT),
                perMonth(config.hostingUsdPerMonth()), perMonth(config.licenceUsdPerMonth()),
                perMonth(config.staffUsdPerMonth()),
                // watts x grams per kilowatt-hour are milligrams per hour
                boughtWatts.multiply(config.gramsCo2PerKwh()).setScale(0, RoundingMode.HALF_UP)
                        .longValueExact(),
                assumed);
    }

    /** The rate that everything is billed at. */
    public long nanoUsdPerHour() {
        return depreciationNanoUsdPerHour + rentNanoUsdPerHour + energyNanoUsdPerHour
                + hostingNanoUsdPerHour + licenceNanoUsdPerHour + staffNanoUsdPerHour;
    }

    /** What so much time costs, exactly. */
    public Charge charge(long nanos) {
        return charge(nanos, nanoUsdPerHour());
    }

    /** What so much time costs at a rate, exactly. */
    public static Charge charge(long nanos, long nanoUsdPerHour) {
        if (nanos < 0) {
            throw new IllegalArgumentException("time must not be negative, got " + nanos + " ns");
        }
        BigInteger[] parts = BigInteger.valueOf(nanos).multiply(BigInteger.valueOf(nanoUsdPerHour))
                .divideAndRemainder(FRACTIONS);
        return new Charge(parts[0].longValueExact(), parts[1].longValueExact());
    }

    private static long perMonth(BigDecimal usd) {
        return nanoUsd(usd, BigDecimal.valueOf(HOURS_PER_MONTH));
    }

    private static long nanoUsd(BigDecimal usd, BigDecimal divisor) {
        return usd.multiply(NANO_USD_PER_USD).divide(divisor, 0, RoundingMode.HALF_UP)
                .longValueExact();
    }
}
