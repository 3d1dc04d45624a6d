package dev.millrace.bench.model;

import dev.millrace.bench.report.Spread;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;

/**
 * What a test reached.
 *
 * @param bandwidth      memory read beside each round, in GB/s
 * @param gigabytes      read per second for weights and cache
 * @param bandwidthShare of the bandwidth, taken round by round
 * @param gigaMacs       multiply-adds in the matrices per second, in billions
 */
record ModelMeasurement(ModelTest test, Spread tokensPerSecond, Spread bandwidth, double gigabytes,
        Spread bandwidthShare, double gigaMacs) {

    static final String HEADER = String.format(Locale.ROOT, "  %-20s %9s  %-21s %7s %8s %8s",
            "test", "tok/s", "[least .. most]", "GB/s", "of read", "GMAC/s");

    static ModelMeasurement of(OpenModel model, ModelTest test, Rounds rounds) {
        double gigabytesPerToken = model.gigabytesPerToken(test);
        Spread tokensPerSecond = rounds.tokensPerSecondSpread();
        return new ModelMeasurement(test, tokensPerSecond, rounds.bandwidthSpread(),
                tokensPerSecond.median() * gigabytesPerToken,
                rounds.bandwidthShare(gigabytesPerToken),
                tokensPerSecond.median() * model.macsPerToken(test) / 1e9);
    }

    /** A line below {@link #HEADER}. */
    String line() {
        String range = String.format(Locale.ROOT, "[%.2f .. %.2f]", tokensPerSecond.least(),
                tokensPerSecond.most());
        return String.format(Locale.ROOT, "  %-20s %9.2f  %-21s %7.1f %6.0f %% %8.1f",
                test.label(), tokensPerSecond.median(), range, gigabytes,
                100 * bandwidthShare.median(), gigaMacs);
    }

    /** The name of the kind of result, as files of results have it. */
    String benchmark() {
        return test.isPrefill() ? "prefill" : "decode";
    }

    /** The fields of the result, without the machine's. */
    Map<String, Object> asMap() {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("test", test.label());
        map.put("tokens", test.isPrefill() ? test.promptTokens() : test.generatedTokens());
        map.put("sequences", test.sequences());
        map.put("depth", test.depthTokens());
        map.put("tok_per_s", tokensPerSecond);
        map.put("gmac_per_s", gigaMacs);
        map.put("gb_per_s", gigabytes);
        map.put("memory_read_gb_per_s", bandwidth);
        map.put("bandwidth_share", bandwidthShare.median());
        return map;
    }
}
