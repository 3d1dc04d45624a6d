package dev.millrace.server.metering.rate;

import java.math.BigDecimal;
import java.time.Instant;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import tools.jackson.databind.JsonNode;

/** What the machine costs at any moment: the same always, unless energy has a tariff. */
public final class RateSchedule {

    private final Function<Instant, CostModel> rates;

    private RateSchedule(Function<Instant, CostModel> rates) {
        this.rates = rates;
    }

    /** The same rate always. */
    public static RateSchedule of(CostModel rate) {
        return new RateSchedule(moment -> rate);
    }

    /** A rate of its own for every moment. */
    public static RateSchedule of(Function<Instant, CostModel> rates) {
        return new RateSchedule(rates);
    }

    /**
     * The machine's rates: as configured, or the default profile's where nothing is.
     *
     * @param cost the {@code cost:} section, or null
     * @throws IllegalArgumentException if the section says something that cannot be; names the key
     */
    public static RateSchedule configured(JsonNode cost) {
        if (cost == null || cost.isNull() || cost.isMissingNode()) {
            return of(CostModel.of(CostConfig.ASSUMED, CostConfig.ASSUMED.usdPerKwh(), true));
        }
        CostConfig config = CostConfig.parse(cost);
        CostModel usual = CostModel.of(config, config.usdPerKwh(), false);
        if (config.tariff().isEmpty()) {
            return of(usual);
        }
        Tariff tariff = config.tariff().get();
        Map<BigDecimal, CostModel> rates = new HashMap<>();
        tariff.minutePrices().stream().filter(price -> price != null).distinct()
                .forEach(price -> rates.put(price, CostModel.of(config, price, false)));
        return new RateSchedule(moment -> rates
                .getOrDefault(tariff.at(moment, config.usdPerKwh()), usual));
    }

    /**
     * What the machine draws, where its owner says so; the default profile's watts are nobody's.
     *
     * @param cost the {@code cost:} section, or null
     */
    public static Optional<PowerCurve> declaredPower(JsonNode cost) {
        return cost == null || cost.isNull() || cost.isMissingNode()
                ? Optional.empty()
                : CostConfig.parse(cost).powerCurve();
    }

    /** The rate of a moment. */
    public CostModel at(Instant moment) {
        return rates.apply(moment);
    }
}
