package dev.millrace.server.metering.prices;

import dev.millrace.server.metering.prices.PricePoint.ContextTier;
import java.time.LocalDate;

/**
 * What a provider charges for a model at one time.
 *
 * @param model       what the provider calls it
 * @param gateway     whether it passes requests on to other providers
 * @param batchFactor what a request in a batch costs of an ordinary one; NaN where there are no
 *                    batches or their price is not known
 */
public record HostedPrice(String provider, String model, boolean gateway, double batchFactor,
        PricePoint point) {

    private static final double PICO_USD_PER_TOKEN = 1e6; // one USD per million tokens
    private static final long PICO_PER_NANO = 1_000;

    public double inputUsdPerMillion() {
        return point.input();
    }

    public double outputUsdPerMillion() {
        return point.output();
    }

    /** NaN where the provider has no price for cached tokens. */
    public double cachedInputUsdPerMillion() {
        return point.cachedInput();
    }

    /** A day on which this was the price. */
    public LocalDate asOf() {
        return point.asOf();
    }

    public String source() {
        return point.source();
    }

    /** One figure of both prices for three prompt tokens per completion token, as is customary. */
    public double blendedUsdPerMillion() {
        return point.blendedUsdPerMillion();
    }

    /**
     * What a request would have cost there, in whole nano-dollars (rounded half up). Cached tokens
     * cost as much as others where the provider has no price for them; what writing its cache costs
     * is left out, as nobody can say when it would have been written.
     *
     * @param promptTokens all of them
     * @param cachedTokens those of the prompt that came from a cache
     * @param batch        whether the request may be part of a batch; cached tokens then cost the
     *                     less of both discounts, not their product
     */
    public long nanoUsd(long promptTokens, long cachedTokens, long completionTokens,
            boolean batch) {
        if (cachedTokens < 0 || promptTokens < cachedTokens || completionTokens < 0) {
            throw new IllegalArgumentException("no request has " + promptTokens
                    + " prompt tokens, " + cachedTokens + " of them cached, and "
                    + completionTokens + " completion tokens");
        }
        double input = point.input();
        double output = point.output();
        double cached = point.cachedInput();
        for (ContextTier tier : point.tiers()) {
            if (promptTokens > tier.aboveTokens()) {
                input = tier.input();
                output = tier.output();
                cached = tier.cachedInput();
            }
        }
        double factor = batch && !Double.isNaN(batchFactor) ? batchFactor : 1;
        double cachedPrice = Double.isNaN(cached) ? input : cached;
        long pico = Math.addExact(
                Math.multiplyExact(promptTokens - cachedTokens, pico(input * factor)),
                Math.addExact(
                        Math.multiplyExact(cachedTokens,
                                pico(Math.min(cachedPrice, input * factor))),
                        Math.multiplyExact(completionTokens, pico(output * factor))));
        return (pico + PICO_PER_NANO / 2) / PICO_PER_NANO;
    }

    private static long pico(double usdPerMillion) {
        return Math.round(usdPerMillion * PICO_USD_PER_TOKEN);
    }
}
