package dev.millrace.server.metering.prices;

import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Prices every request where it did not run: at the cheapest, the middle and the dearest host of
 * its model, as the catalog has them when the server starts. Safe to share between threads.
 */
public final class Counterfactual {

    /** Prices nothing anywhere else. */
    public static final Counterfactual NONE = new Counterfactual(null);

    /** Most models whose hosts are remembered: adapters come and go. */
    private static final int MOST_MODELS = 1_000;

    private final PriceCatalog catalog;
    private final Map<String, PriceCatalog.Match> matches = new ConcurrentHashMap<>();

    private Counterfactual(PriceCatalog catalog) {
        this.catalog = catalog;
    }

    public static Counterfactual of(PriceCatalog catalog) {
        return new Counterfactual(catalog);
    }

    /**
     * What a request to a served model would have cost; empty if no hosted model compares.
     *
     * @param batch whether it is a row of a batch, which hosts have other prices for
     */
    public List<Alternative> price(String servedModel, long promptTokens, long cachedTokens,
            long completionTokens, boolean batch) {
        if (catalog == null) {
            return List.of();
        }
        if (matches.size() >= MOST_MODELS) {
            matches.clear();
        }
        PriceCatalog.Match match = matches.computeIfAbsent(servedModel, catalog::match);
        return match.three().stream().map(price -> new Alternative(price.provider(),
                price.model(), match.same(), price.nanoUsd(promptTokens, cachedTokens,
                        completionTokens, batch),
                price.asOf())).toList();
    }
}
