package dev.millrace.server.metering;

import dev.millrace.models.NearMisses;
import java.math.BigDecimal;
import java.util.Set;
import java.util.TreeSet;
import tools.jackson.databind.JsonNode;

/**
 * What the machine costs, as the {@code cost:} section of millrace.yaml puts it. Either owned
 * (purchase and lifetime) or rented (dollars per hour); energy and hosting come on top of both.
 *
 * @param usdPerHour         rent, or null where the machine is owned
 * @param purchaseUsd        price, or null where the machine is rented
 * @param residualUsd        what it will still fetch at the end of its life
 * @param lifetimeYears      years of use, or null where the machine is rented
 * @param idleWatts          drawn at the wall while idle
 * @param loadWatts          drawn at the wall under load
 * @param loadShare          share of the time under load that the energy part assumes
 * @param usdPerKwh          price of energy
 * @param pue                power usage effectiveness: energy bought per energy used by the machine
 * @param hostingUsdPerMonth rack, room, network
 */
public record CostConfig(BigDecimal usdPerHour, BigDecimal purchaseUsd, BigDecimal residualUsd,
        BigDecimal lifetimeYears, BigDecimal idleWatts, BigDecimal loadWatts, BigDecimal loadShare,
        BigDecimal usdPerKwh, BigDecimal pue, BigDecimal hostingUsdPerMonth) {

    /**
     * A small workstation: what is assumed where nobody has said what the machine costs. Everything
     * priced with it is marked as assumed; docs/cost.md gives the reasons.
     */
    static final CostConfig ASSUMED = new CostConfig(null, new BigDecimal("3000"),
            new BigDecimal("300"), new BigDecimal("5"), new BigDecimal("60"),
            new BigDecimal("200"), new BigDecimal("0.5"), new BigDecimal("0.15"), BigDecimal.ONE,
            BigDecimal.ZERO);

    private static final String CURRENCY = "currency";
    private static final Set<String> KEYS = new TreeSet<>(Set.of(CURRENCY, "usd_per_hour",
            "purchase_usd", "residual_usd", "lifetime_years", "watts", "idle_watts", "load_watts",
            "load_share", "usd_per_kwh", "pue", "hosting_usd_per_month"));
    private static final String MOST_WATTS = "200000";

    /** Average draw at the wall, in watts. */
    BigDecimal averageWatts() {
        return idleWatts.add(loadWatts.subtract(idleWatts).multiply(loadShare));
    }

    /**
     * Reads and checks the section.
     *
     * @throws IllegalArgumentException if a key is unknown, missing, contradicts another or is out
     *                                  of range; says which, what it was and what is allowed
     */
    public static CostConfig parse(JsonNode cost) {
        if (!cost.isObject()) {
            throw new IllegalArgumentException("cost: must be a section of keys and values, got "
                    + cost);
        }
        for (String key : cost.propertyNames()) {
            if (!KEYS.contains(key)) {
                throw new IllegalArgumentException("cost." + key + " is not known"
                        + NearMisses.hint(key, KEYS) + " (known: " + String.join(", ", KEYS) + ")");
            }
        }
        requireUsd(cost);
        BigDecimal usdPerHour = number(cost, "usd_per_hour", "0.000001", "10000", null);
        BigDecimal purchase = number(cost, "purchase_usd", "0", "100000000", null);
        requireOneOf(cost, usdPerHour, purchase);
        BigDecimal residual = BigDecimal.ZERO;
        BigDecimal lifetime = null;
        if (purchase != null) {
            residual = number(cost, "residual_usd", "0", purchase.toPlainString(), "0");
            lifetime = required(cost, "lifetime_years", "0.1", "30", "purchase_usd");
        }
        boolean oneWatts = cost.has("watts");
        boolean twoWatts = cost.has("idle_watts") || cost.has("load_watts");
        if (oneWatts && twoWatts) {
            throw new IllegalArgumentException("cost.watts and cost.idle_watts/load_watts"
                    + " contradict each other; give one average or the pair");
        }
        BigDecimal load = twoWatts
                ? required(cost, "load_watts", "0", MOST_WATTS, "idle_watts")
                : number(cost, "watts", "0", MOST_WATTS, "0");
        BigDecimal idle = twoWatts
                ? required(cost, "idle_watts", "0", load.toPlainString(), "load_watts")
                : load;
        BigDecimal usdPerKwh = oneWatts || twoWatts
                ? required(cost, "usd_per_kwh", "0", "10", "watts")
                : BigDecimal.ZERO;
        refuseWithout(cost, twoWatts, "load_share", "idle_watts and load_watts");
        refuseWithout(cost, oneWatts || twoWatts, "usd_per_kwh", "watts");
        refuseWithout(cost, oneWatts || twoWatts, "pue", "watts");
        return new CostConfig(usdPerHour, purchase, residual, lifetime, idle, load,
                number(cost, "load_share", "0", "1", "0.5"), usdPerKwh,
                number(cost, "pue", "1", "5", "1"),
                number(cost, "hosting_usd_per_month", "0", "1000000", "0"));
    }

    private static void requireUsd(JsonNode cost) {
        JsonNode currency = cost.get(CURRENCY);
        if (currency != null && !(currency.isString() && currency.stringValue().equals("USD"))) {
            throw new IllegalArgumentException("cost.currency must be USD, got " + currency
                    + "; convert the amounts and say USD");
        }
    }

    private static void requireOneOf(JsonNode cost, BigDecimal usdPerHour, BigDecimal purchase) {
        if (usdPerHour != null && purchase != null) {
            throw new IllegalArgumentException("cost.usd_per_hour and cost.purchase_usd contradict"
                    + " each other: a machine is rented or owned; remove one");
        }
        if (usdPerHour == null && purchase == null) {
            throw new IllegalArgumentException("cost: needs usd_per_hour (rented) or purchase_usd"
                    + " and lifetime_years (owned); remove the section to use the default profile");
        }
        refuseWithout(cost, purchase != null, "residual_usd", "purchase_usd");
        refuseWithout(cost, purchase != null, "lifetime_years", "purchase_usd");
    }

    private static void refuseWithout(JsonNode cost, boolean present, String key, String partner) {
        if (!present && cost.has(key)) {
            throw new IllegalArgumentException("cost." + key + " means nothing without cost."
                    + partner + "; add that or remove this");
        }
    }

    private static BigDecimal required(JsonNode cost, String key, String least, String most,
            String partner) {
        if (!cost.has(key)) {
            throw new IllegalArgumentException("cost." + key + " is missing; cost." + partner
                    + " needs it (" + least + " to " + most + ")");
        }
        return number(cost, key, least, most, null);
    }

    private static BigDecimal number(JsonNode cost, String key, String least, String most,
            String fallback) {
        JsonNode value = cost.get(key);
        if (value == null) {
            return fallback == null ? null : new BigDecimal(fallback);
        }
        boolean finite = value.isNumber()
                && (!value.isFloatingPointNumber() || Double.isFinite(value.doubleValue()));
        BigDecimal number = finite ? value.decimalValue() : null;
        if (number == null || number.compareTo(new BigDecimal(least)) < 0
                || number.compareTo(new BigDecimal(most)) > 0) {
            throw new IllegalArgumentException("cost." + key + " must be a number from " + least
                    + " to " + most + ", got " + value);
        }
        return number;
    }
}
