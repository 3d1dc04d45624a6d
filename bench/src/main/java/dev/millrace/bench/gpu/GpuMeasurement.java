package dev.millrace.bench.gpu;

import dev.millrace.bench.model.ModelTest;
import dev.millrace.bench.model.OpenModel;
import dev.millrace.bench.model.Rounds;
import dev.millrace.bench.report.Spread;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalDouble;

/**
 * What a test reached, against the device's limits of the same minute.
 *
 * @param readGigabytes     per second, by a kernel that does nothing else, beside each round
 * @param gigabytesPerToken of weights and cache that a token needs
 * @param teraflops         of multiplications by weights
 * @param peakTeraflops     by a kernel that does nothing else
 * @param usdPerMillion     tokens, at a price of the machine's hour; empty where none was given
 */
record GpuMeasurement(ModelTest test, Spread tokensPerSecond, Spread readGigabytes,
        double gigabytesPerToken, double bandwidthShare, double teraflops, double peakTeraflops,
        OptionalDouble joulesPerToken, OptionalDouble usdPerMillion) {

    private static final double SECONDS_PER_HOUR = 3600;

    static final String HEADER = String.format(Locale.ROOT,
            "  %-20s %9s  %-19s %9s %7s %6s %8s %6s %8s %8s", "test", "tok/s",
            "[least .. most]", "limit", "GB/s", "of it", "TFLOP/s", "of it", "J/token", "$/M");

    /** @param dollarsPerHour of the machine; 0 where nobody said */
    static GpuMeasurement of(OpenModel model, ModelTest test, Rounds rounds, double peakTeraflops,
            OptionalDouble joulesPerToken, double dollarsPerHour) {
        Spread tokens = rounds.tokensPerSecondSpread();
        double gigabytes = model.gigabytesPerToken(test);
        return new GpuMeasurement(test, tokens, rounds.bandwidthSpread(), gigabytes,
                rounds.bandwidthShare(gigabytes).median(),
                2 * tokens.median() * model.macsPerToken(test) / 1e12, peakTeraflops,
                joulesPerToken, dollarsPerHour == 0
                        ? OptionalDouble.empty()
                        : OptionalDouble.of(dollarsPerHour / SECONDS_PER_HOUR * 1e6
                                / tokens.median()));
    }

    /** Tokens per second if nothing but reading weights and cache took any time. */
    double ceiling() {
        return readGigabytes.median() / gigabytesPerToken;
    }

    /** A line below {@link #HEADER}. */
    String line() {
        return String.format(Locale.ROOT,
                "  %-20s %9.2f  %-19s %9.1f %7.1f %4.0f %% %8.2f %4.0f %% %8s %8s", test.label(),
                tokensPerSecond.median(), String.format(Locale.ROOT, "[%.2f .. %.2f]",
                        tokensPerSecond.least(), tokensPerSecond.most()),
                ceiling(), tokensPerSecond.median() * gigabytesPerToken, 100 * bandwidthShare,
                teraflops, 100 * teraflops / peakTeraflops, text(joulesPerToken, "%.4f"),
                text(usdPerMillion, "%.4f"));
    }

    private static String text(OptionalDouble value, String format) {
        return value.isPresent() ? String.format(Locale.ROOT, format, value.getAsDouble()) : "-";
    }

    /** The fields of the result, without the machine's. */
    Map<String, Object> asMap() {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("test", test.label());
        map.put("tokens", test.isPrefill() ? test.promptTokens() : test.generatedTokens());
        map.put("sequences", test.sequences());
        map.put("depth", test.depthTokens());
        map.put("tok_per_s", tokensPerSecond);
        map.put("limit_tok_per_s", ceiling());
        map.put("gb_per_s", tokensPerSecond.median() * gigabytesPerToken);
        map.put("memory_read_gb_per_s", readGigabytes);
        map.put("bandwidth_share", bandwidthShare);
        map.put("tflop_per_s", teraflops);
        map.put("peak_tflop_per_s", peakTeraflops);
        map.put("peak_share", teraflops / peakTeraflops);
        joulesPerToken.ifPresent(value -> map.put("joules_per_token", value));
        usdPerMillion.ifPresent(value -> map.put("usd_per_million", value));
        return map;
    }
}
