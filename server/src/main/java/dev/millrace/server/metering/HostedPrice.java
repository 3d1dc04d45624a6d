package dev.millrace.server.metering;

/**
 * What a provider charges for a model, in US dollars per million tokens.
 *
 * @param cachedInputUsdPerMillion for prompt tokens from its cache; NaN where it has no such price
 * @param asOf                     the day that the price was looked up, ISO date
 * @param source                   where
 */
public record HostedPrice(String provider, String model, double inputUsdPerMillion,
        double outputUsdPerMillion, double cachedInputUsdPerMillion, String asOf, String source) {

    private static final double MOST_USD_PER_MILLION = 10_000;

    public HostedPrice {
        if (!(inputUsdPerMillion >= 0 && inputUsdPerMillion < MOST_USD_PER_MILLION
                && outputUsdPerMillion >= 0 && outputUsdPerMillion < MOST_USD_PER_MILLION)) {
            throw new IllegalArgumentException("a price must be between 0 and "
                    + MOST_USD_PER_MILLION + " USD per million tokens, got " + inputUsdPerMillion
                    + " and " + outputUsdPerMillion + " for " + model + " at " + provider);
        }
        if (!asOf.matches("\\d{4}-\\d{2}-\\d{2}")) {
            throw new IllegalArgumentException("a price needs its date (YYYY-MM-DD), got \"" + asOf
                    + "\" for " + model + " at " + provider);
        }
    }

    /** One figure of both prices for three prompt tokens per completion token, as is customary. */
    public double blendedUsdPerMillion() {
        return (3 * inputUsdPerMillion + outputUsdPerMillion) / 4;
    }
}
