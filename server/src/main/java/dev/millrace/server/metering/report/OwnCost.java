package dev.millrace.server.metering.report;

/**
 * What this machine costs and can do, as its own requests showed it.
 *
 * @param rateUsdPerHour   what an hour of it costs, on average over the trace
 * @param energyShare      of that rate, energy
 * @param purchaseShare    of that rate, depreciation
 * @param tokensPerSecond  tokens of the trace's mixture per second of device time in steps
 * @param utilisation      share of the bill that went to requests, 0 to 1
 * @param prefillShare     of requests' device time, computing prompts
 * @param cachedShare      of prompt tokens, taken from the cache
 */
public record OwnCost(double rateUsdPerHour, double energyShare, double purchaseShare,
        double tokensPerSecond, double utilisation, double prefillShare, double cachedShare) {

    private static final double SECONDS_PER_HOUR = 3_600;
    private static final double PER_MILLION = 1e6;
    private static final int HOURS_PER_DAY = 24;

    /** Dollars per million tokens of the mixture when so much of the machine's time is used. */
    public double usdPerMillionAt(double used) {
        return rateUsdPerHour / (used * tokensPerSecond * SECONDS_PER_HOUR) * PER_MILLION;
    }

    /** Most tokens of the mixture that one machine can do in a day. */
    public double tokensPerDay() {
        return tokensPerSecond * SECONDS_PER_HOUR * HOURS_PER_DAY;
    }

    public double usdPerDay() {
        return rateUsdPerHour * HOURS_PER_DAY;
    }

    /** Whole machines that so many tokens a day need; none for none. */
    public long machines(double tokensPerDay) {
        return (long) Math.ceil(tokensPerDay / tokensPerDay());
    }

    /** Tokens a day from which on one machine costs less than a price per million. */
    public double breakEvenTokensPerDay(double usdPerMillion) {
        return usdPerDay() / usdPerMillion * PER_MILLION;
    }

    /** The share of the machine's time that must be used to cost no more than a price. */
    public double parityUtilisation(double usdPerMillion) {
        return usdPerMillionAt(1) / usdPerMillion;
    }
}
