package dev.millrace.server.metering.prices;

import java.time.LocalDate;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/**
 * A model that others host.
 *
 * @param billions    parameters, in billions; NaN where its maker does not say
 * @param openWeights whether anybody may run it: only then it is ever what a served model compares
 *                    with unasked
 * @param same        beginnings of served models' names that mean these very weights
 * @param nearestTo   beginnings of names of models that compare with this one for want of a better
 */
public record HostedModel(String name, String maker, double billions, boolean openWeights,
        List<String> same, List<String> nearestTo, List<Offer> offers) {

    /**
     * One provider's offer of the model.
     *
     * @param provider its name and terms
     * @param model    what it calls the model
     * @param points   its prices over time, oldest first; not empty
     */
    public record Offer(Provider provider, String model, List<PricePoint> points) {

        public Offer {
            points = points.stream().sorted(Comparator.comparing(PricePoint::asOf)).toList();
            if (points.isEmpty()) {
                throw new IllegalArgumentException("an offer needs a price");
            }
        }

        /** The latest price known on a day; empty if it is from later. */
        public Optional<HostedPrice> on(LocalDate day) {
            return points.reversed().stream().filter(point -> !point.asOf().isAfter(day))
                    .findFirst().map(point -> new HostedPrice(provider.name(), model,
                            provider.gateway(), provider.batchFactor(), point));
        }
    }

    /**
     * A provider.
     *
     * @param gateway     whether it passes requests on to other providers
     * @param batchFactor what a request in a batch costs of an ordinary one; NaN where unknown
     * @param batchSource where that was looked up, and when; null where unknown
     */
    public record Provider(String name, boolean gateway, double batchFactor, String batchSource,
            LocalDate batchAsOf) {}

    public HostedModel {
        same = List.copyOf(same);
        nearestTo = List.copyOf(nearestTo);
        offers = List.copyOf(offers);
    }

    /** Prices on a day, cheapest first (by {@link HostedPrice#blendedUsdPerMillion}). */
    public List<HostedPrice> pricesOn(LocalDate day) {
        return offers.stream().flatMap(offer -> offer.on(day).stream())
                .sorted(Comparator.comparingDouble(HostedPrice::blendedUsdPerMillion)
                        .thenComparing(HostedPrice::provider))
                .toList();
    }
}
