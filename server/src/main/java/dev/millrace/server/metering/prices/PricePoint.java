package dev.millrace.server.metering.prices;

import java.time.LocalDate;
import java.util.List;

/**
 * What a provider charged for a model on one day, in US dollars per million tokens.
 *
 * @param asOf        a day on which this was the price
 * @param source      where it was looked up
 * @param input       prompt tokens
 * @param output      completion tokens
 * @param cachedInput prompt tokens from the provider's cache; NaN where it has no such price
 * @param cacheWrite  writing prompt tokens to that cache; NaN where it has no such price
 * @param tiers       prices of longer prompts, by ascending length
 */
public record PricePoint(LocalDate asOf, String source, double input, double output,
        double cachedInput, double cacheWrite, List<ContextTier> tiers) {

    /** A price above this is a typing error: the dearest of 2026 is 600. */
    public static final double MOST_USD_PER_MILLION = 10_000;

    /**
     * What a whole request costs whose prompt is longer than so much.
     *
     * @param aboveTokens prompt tokens from which on (exclusive) the tier holds
     * @param cachedInput NaN where the tier names none
     */
    public record ContextTier(int aboveTokens, double input, double output, double cachedInput) {

        public ContextTier {
            if (aboveTokens < 1) {
                throw new IllegalArgumentException("above_tokens must be at least 1, got "
                        + aboveTokens);
            }
            require("tier's input", input);
            require("tier's output", output);
            requireOrNone("tier's cached_input", cachedInput);
        }
    }

    public PricePoint {
        tiers = List.copyOf(tiers);
        require("input", input);
        require("output", output);
        requireOrNone("cached_input", cachedInput);
        requireOrNone("cache_write", cacheWrite);
        for (int i = 1; i < tiers.size(); i++) {
            if (tiers.get(i).aboveTokens() <= tiers.get(i - 1).aboveTokens()) {
                throw new IllegalArgumentException("tiers must ascend, got "
                        + tiers.get(i).aboveTokens() + " after "
                        + tiers.get(i - 1).aboveTokens());
            }
        }
    }

    private static void requireOrNone(String name, double usdPerMillion) {
        if (!Double.isNaN(usdPerMillion)) {
            require(name, usdPerMillion);
        }
    }

    private static void require(String name, double usdPerMillion) {
        if (!(usdPerMillion >= 0 && usdPerMillion <= MOST_USD_PER_MILLION)) {
            throw new IllegalArgumentException(name + " must be a number from 0 to "
                    + (int) MOST_USD_PER_MILLION + " USD per million tokens, got "
                    + usdPerMillion);
        }
    }

    /** One figure of both prices for three prompt tokens per completion token, as is customary. */
    public double blendedUsdPerMillion() {
        return (3 * input + output) / 4;
    }
}
