package dev.millrace.server.metering.report;

/** What the requests of one group used, added up one by one. */
public final class UseGroup {

    private static final double USD_PER_NANO = 1e-9;
    private static final double PER_MILLION = 1e6;

    private long requests;
    private long promptTokens;
    private long cachedTokens;
    private long completionTokens;
    private long prefillNanos;
    private long decodeNanos;
    private long costNanoUsd;
    private long chargedNanoUsd;
    private double prefillNanoUsd;
    private long measuredMicrojoules;
    private long measuredTokens;

    /** Adds requests. */
    public void add(TraceRow row) {
        requests += row.requests();
        promptTokens += row.promptTokens();
        cachedTokens += row.cachedTokens();
        completionTokens += row.completionTokens();
        prefillNanos += row.prefillNanos();
        decodeNanos += row.decodeNanos();
        costNanoUsd += row.costNanoUsd();
        chargedNanoUsd += row.chargedNanoUsd();
        if (row.deviceNanos() > 0) {
            prefillNanoUsd += (double) row.costNanoUsd() * row.prefillNanos() / row.deviceNanos();
        }
        if (row.microjoules() >= 0) {
            measuredMicrojoules += row.microjoules();
            measuredTokens += row.promptTokens() + row.completionTokens();
        }
    }

    public long requests() {
        return requests;
    }

    public long promptTokens() {
        return promptTokens;
    }

    public long cachedTokens() {
        return cachedTokens;
    }

    public long completionTokens() {
        return completionTokens;
    }

    public long tokens() {
        return promptTokens + completionTokens;
    }

    public long prefillNanos() {
        return prefillNanos;
    }

    public long decodeNanos() {
        return decodeNanos;
    }

    public long deviceNanos() {
        return prefillNanos + decodeNanos;
    }

    /** What teams were charged: the cost at internal prices, within what was set aside. */
    public long chargedNanoUsd() {
        return chargedNanoUsd;
    }

    public long costNanoUsd() {
        return costNanoUsd;
    }

    /** Dollars per million prompt tokens that were not cached; NaN without any. */
    public double inputUsdPerMillion() {
        return perMillion(prefillNanoUsd, promptTokens - cachedTokens);
    }

    /** Dollars per million completion tokens; NaN without any. */
    public double outputUsdPerMillion() {
        return perMillion(costNanoUsd - prefillNanoUsd, completionTokens);
    }

    /** Dollars per million tokens of this very mixture, cached ones included; NaN without any. */
    public double blendedUsdPerMillion() {
        return perMillion(costNanoUsd, tokens());
    }

    /** Three uncached prompt tokens to one completion token; NaN if either has no price. */
    public double threeToOneUsdPerMillion() {
        return (3 * inputUsdPerMillion() + outputUsdPerMillion()) / 4;
    }

    /** Joules per token of the requests that energy was measured for; NaN without any. */
    public double joulesPerToken() {
        return measuredTokens == 0 ? Double.NaN : measuredMicrojoules / 1e6 / measuredTokens;
    }

    private static double perMillion(double nanoUsd, long tokens) {
        return tokens <= 0 ? Double.NaN : nanoUsd * USD_PER_NANO / tokens * PER_MILLION;
    }
}
