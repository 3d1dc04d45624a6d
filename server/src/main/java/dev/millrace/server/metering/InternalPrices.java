package dev.millrace.server.metering;

import dev.millrace.engine.ServiceTier;
import dev.millrace.models.NearMisses;
import java.math.BigInteger;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import tools.jackson.databind.JsonNode;

/**
 * What teams are charged for a dollar of cost, by how urgently a request is served and for rows of
 * batches, in millionths. It moves money between teams and never changes what anything costs.
 */
public record InternalPrices(int flexPpm, int defaultPpm, int priorityPpm, int batchPpm) {

    /** Whose price rows of batches have, whatever their tier. */
    static final String BATCH = "batch";

    /** Every tier at cost. */
    public static final InternalPrices AT_COST = new InternalPrices(InternalPrices.ONE,
            InternalPrices.ONE, InternalPrices.ONE, InternalPrices.ONE);

    /** Millionths in one. */
    public static final int ONE = 1_000_000;

    private static final BigInteger ONE_WHOLE = BigInteger.valueOf(ONE);
    private static final int MOST_FACTOR = 1_000;
    private static final int MOST_PPM = MOST_FACTOR * ONE;
    private static final String SECTION = "internal_prices";
    private static final Set<String> TIERS = new TreeSet<>(Set.of("flex", "default",
            "priority"));

    public InternalPrices {
        requireFactor("flex", flexPpm);
        requireFactor("default", defaultPpm);
        requireFactor("priority", priorityPpm);
        requireFactor(BATCH, batchPpm);
    }

    /**
     * Those that the section {@code cost} of millrace.yaml has under {@code internal_prices}; every
     * tier at cost where it has none.
     *
     * @param cost     the section, or null if there is none
     * @param batchPpm of rows of batches: the setting {@code batch_price}
     * @throws IllegalArgumentException if a key is unknown or a factor out of range
     */
    public static InternalPrices configured(JsonNode cost, int batchPpm) {
        JsonNode section = cost == null ? null : cost.get(SECTION);
        if (section == null) {
            return new InternalPrices(ONE, ONE, ONE, batchPpm);
        }
        if (!section.isObject()) {
            throw new IllegalArgumentException("cost." + SECTION + " must have keys flex, default"
                    + " or priority, got " + section);
        }
        for (String key : section.propertyNames()) {
            if (!TIERS.contains(key)) {
                throw new IllegalArgumentException("cost." + SECTION + "." + key + " is not known"
                        + NearMisses.hint(key, TIERS) + " (known: " + String.join(", ", TIERS)
                        + ")");
            }
        }
        return new InternalPrices(factor(section, "flex"), factor(section, "default"),
                factor(section, "priority"), batchPpm);
    }

    private static int factor(JsonNode section, String tier) {
        JsonNode value = section.get(tier);
        if (value == null) {
            return ONE;
        }
        double factor = value.isNumber() ? value.doubleValue(Double.NaN) : Double.NaN;
        if (!(factor >= 0 && factor <= MOST_FACTOR)) {
            throw new IllegalArgumentException("cost." + SECTION + "." + tier + " must be a number"
                    + " from 0 to " + MOST_FACTOR + ", how often the cost is charged, got "
                    + value);
        }
        return (int) Math.round(factor * ONE);
    }

    private static void requireFactor(String tier, int ppm) {
        if (ppm < 0 || ppm > MOST_PPM) {
            throw new IllegalArgumentException("the internal price of " + tier
                    + " must be between 0 and 1000 times the cost, got " + ppm + " millionths");
        }
    }

    /** The factor of what {@link MeteredRequest#priceOf} says, in millionths. */
    public int ppmOf(String price) {
        if (price.equals(BATCH)) {
            return batchPpm;
        }
        return switch (ServiceTier.valueOf(price.toUpperCase(Locale.ROOT))) {
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
