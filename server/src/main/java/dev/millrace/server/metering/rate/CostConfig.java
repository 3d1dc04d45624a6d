package dev.millrace.server.metering.rate;

import dev.millrace.models.NearMisses;
import java.math.BigDecimal;
import java.math.MathContext;
import java.util.List;
import java.util.Optional;
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
 * @param licenceUsdPerMonth software that the machine needs
 * @param staffUsdPerMonth   this machine's share of the people who look after it
 * @param gramsCo2PerKwh     carbon dioxide of a kilowatt-hour; 0 where nobody has said
 * @param powerCurve         what it draws by its load, where anybody has said
 * @param tariff             energy by time of day, where its price is not always the same
 */
public record CostConfig(BigDecimal usdPerHour, BigDecimal purchaseUsd, BigDecimal residualUsd,
        BigDecimal lifetimeYears, BigDecimal idleWatts, BigDecimal loadWatts, BigDecimal loadShare,
        BigDecimal usdPerKwh, BigDecimal pue, BigDecimal hostingUsdPerMonth,
        BigDecimal licenceUsdPerMonth, BigDecimal staffUsdPerMonth, BigDecimal gramsCo2PerKwh,
        Optional<PowerCurve> powerCurve, Optional<Tariff> tariff) {

    /**
     * A small workstation: what is assumed where nobody has said what the machine costs. Everything
     * priced with it is marked as assumed; docs/cost.md gives the reasons.
     */
    static final CostConfig ASSUMED = new CostConfig(null, new BigDecimal("3000"),
            new BigDecimal("300"), new BigDecimal("5"), new BigDecimal("60"),
            new BigDecimal("200"), new BigDecimal("0.5"), new BigDecimal("0.15"), BigDecimal.ONE,
            BigDecimal.ZERO, BigDecimal.ZERO, BigDecimal.ZERO, BigDecimal.ZERO, Optional.empty(),
            Optional.empty());

    private static final String CURRENCY = "currency";
    private static final Set<String> KEYS = new TreeSet<>(Set.of(CURRENCY, "profile",
            "usd_per_hour", "lease_usd_per_month", "purchase_usd", "residual_usd",
            "lifetime_years", "watts", "idle_watts", "load_watts", "load_share", "power_curve",
            "usd_per_kwh",
            "pue", "hosting_usd_per_month", "licence_usd_per_month", "staff_usd_per_month",
            "grams_co2_per_kwh", "tariff", "internal_prices",
            "budget_webhook"));
    private static final String POWER_CURVE = "power_curve";
    private static final String MOST_WATTS = "200000";

    /** Average draw at the wall, in watts. */
    BigDecimal averageWatts() {
        return powerCurve.filter(curve -> curve.points().size() > 2)
                .map(curve -> BigDecimal.valueOf(curve.watts(loadShare.doubleValue())))
                .orElseGet(() -> idleWatts.add(loadWatts.subtract(idleWatts)
                        .multiply(loadShare)));
    }

    /**
     * Reads and checks the section.
     *
     * @throws IllegalArgumentException if a key is unknown, missing, contradicts another or is out
     *                                  of range; says which, what it was and what is allowed
     */
    public static CostConfig parse(JsonNode section) {
        if (!section.isObject()) {
            throw new IllegalArgumentException("cost: must be a section of keys and values, got "
                    + section);
        }
        for (String key : section.propertyNames()) {
            if (!KEYS.contains(key)) {
                throw new IllegalArgumentException("cost." + key + " is not known"
                        + NearMisses.hint(key, KEYS) + " (known: " + String.join(", ", KEYS) + ")");
            }
        }
        JsonNode cost = section.has("profile") ? HardwareProfile.fill(section) : section;
        requireUsd(cost);
        BigDecimal usdPerHour = rent(cost);
        BigDecimal purchase = number(cost, "purchase_usd", "0", "100000000", null);
        requireOneOf(cost, usdPerHour, purchase);
        BigDecimal residual = BigDecimal.ZERO;
        BigDecimal lifetime = null;
        if (purchase != null) {
            residual = number(cost, "residual_usd", "0", purchase.toPlainString(), "0");
            lifetime = required(cost, "lifetime_years", "0.1", "30", "purchase_usd");
        }
        boolean metered = requireOneWayToSayWatts(cost);
        boolean twoWatts = cost.has("load_watts");
        BigDecimal load = twoWatts
                ? required(cost, "load_watts", "0", MOST_WATTS, "idle_watts")
                : number(cost, "watts", "0", MOST_WATTS, "0");
        BigDecimal idle = twoWatts
                ? required(cost, "idle_watts", "0", load.toPlainString(), "load_watts")
                : load;
        Optional<PowerCurve> curve = cost.has(POWER_CURVE)
                ? Optional.of(PowerCurve.parse(cost.get(POWER_CURVE), MOST_WATTS))
                : Optional.of(PowerCurve.of(idle, load)).filter(_ -> metered);
        if (cost.has(POWER_CURVE)) {
            idle = BigDecimal.valueOf(curve.get().idleWatts());
            load = BigDecimal.valueOf(curve.get().loadWatts());
        }
        BigDecimal usdPerKwh = metered
                ? required(cost, "usd_per_kwh", "0", "10", "watts")
                : BigDecimal.ZERO;
        return new CostConfig(usdPerHour, purchase, residual, lifetime, idle, load,
                number(cost, "load_share", "0", "1", "0.5"), usdPerKwh,
                number(cost, "pue", "1", "5", "1"),
                number(cost, "hosting_usd_per_month", "0", "1000000", "0"),
                number(cost, "licence_usd_per_month", "0", "1000000", "0"),
                number(cost, "staff_usd_per_month", "0", "1000000", "0"),
                number(cost, "grams_co2_per_kwh", "0", "2000", "0"),
                curve, Optional.ofNullable(cost.get("tariff")).map(Tariff::parse));
    }

    /** By the hour or by the month; null where the machine is owned. */
    private static BigDecimal rent(JsonNode cost) {
        BigDecimal lease = number(cost, "lease_usd_per_month", "0.001", "7300000", null);
        if (lease == null) {
            return number(cost, "usd_per_hour", "0.000001", "10000", null);
        }
        if (cost.has("usd_per_hour")) {
            throw new IllegalArgumentException("cost.usd_per_hour and cost.lease_usd_per_month"
                    + " contradict each other; give one rent");
        }
        return lease.divide(BigDecimal.valueOf(CostModel.HOURS_PER_MONTH), MathContext.DECIMAL64);
    }

    /** Whether energy is paid for by use; checks that what needs watts has them. */
    private static boolean requireOneWayToSayWatts(JsonNode cost) {
        boolean one = cost.has("watts");
        boolean two = cost.has("idle_watts") || cost.has("load_watts");
        boolean curve = cost.has(POWER_CURVE);
        if (one && two) {
            throw new IllegalArgumentException("cost.watts and cost.idle_watts/load_watts"
                    + " contradict each other; give one average or the pair");
        }
        if (curve && (one || two)) {
            throw new IllegalArgumentException("cost.power_curve says all that cost."
                    + (one ? "watts says" : "idle_watts and load_watts say")
                    + "; give one of them");
        }
        if (two) {
            required(cost, "load_watts", "0", MOST_WATTS, "idle_watts");
        }
        refuseWithout(cost, two || curve, "load_share", "idle_watts and load_watts");
        for (String key : List.of("usd_per_kwh", "pue", "grams_co2_per_kwh", "tariff")) {
            refuseWithout(cost, one || two || curve, key, "watts");
        }
        return one || two || curve;
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
            throw new IllegalArgumentException("cost: needs usd_per_hour or lease_usd_per_month"
                    + " (rented), or purchase_usd and lifetime_years (owned), or a profile; remove"
                    + " the section to use the default one");
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
        if (!cost.has(key)) {
            return fallback == null ? null : new BigDecimal(fallback);
        }
        return checked(cost, "cost", key, least, most);
    }

    /** A number that must be there. @param at where the key is, for the message */
    static BigDecimal checked(JsonNode section, String at, String key, String least, String most) {
        JsonNode value = section.path(key);
        boolean finite = value.isNumber()
                && (!value.isFloatingPointNumber() || Double.isFinite(value.doubleValue()));
        BigDecimal number = finite ? value.decimalValue() : null;
        if (number == null || number.compareTo(new BigDecimal(least)) < 0
                || number.compareTo(new BigDecimal(most)) > 0) {
            throw new IllegalArgumentException(at + "." + key + " must be a number from " + least
                    + " to " + most + ", got " + (value.isMissingNode() ? "nothing" : value));
        }
        return number;
    }
}
