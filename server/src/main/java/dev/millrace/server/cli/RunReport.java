package dev.millrace.server.cli;

import dev.millrace.engine.FinishReason;
import dev.millrace.engine.GenerationEvent.Finished;
import dev.millrace.engine.RequestTimings;
import dev.millrace.server.config.ServerConfig;
import dev.millrace.server.metering.rate.CostModel;
import dev.millrace.server.metering.rate.RateSchedule;
import java.io.PrintStream;
import java.time.Instant;
import java.util.Locale;

/** What one generation on the command line took. */
record RunReport(Finished end, long deviceNanos) {

    private static final double NANOS_PER_HOUR = 3600e9;

    boolean succeeded() {
        return end.reason() != FinishReason.FAILED;
    }

    /** @param seed what chance started from; null where there was none */
    void print(PrintStream err, ServerConfig config, Long seed) {
        if (!succeeded()) {
            err.println("millrace: " + end.error());
            return;
        }
        RequestTimings timings = end.timings();
        int prompt = end.usage().promptTokens();
        int completion = end.usage().completionTokens();
        CostModel rate = RateSchedule.configured(config.cost()).at(Instant.now());
        double costUsd = rate.nanoUsdPerHour() * 1e-9 * deviceNanos / NANOS_PER_HOUR;
        err.printf(Locale.ROOT, "%n%d prompt tokens, %.1f tok/s | %d tokens, %.1f tok/s | %s"
                + " | $%.8f%s%s%n", prompt,
                perSecond(prompt, timings.firstTokenNanos() - timings.queueNanos()), completion,
                perSecond(completion - 1, timings.totalNanos() - timings.firstTokenNanos()),
                end.reason().name().toLowerCase(Locale.ROOT), costUsd,
                rate.assumed() ? " (assumed rate)" : "", seed == null ? "" : " | seed " + seed);
    }

    private static double perSecond(int tokens, long nanos) {
        return tokens <= 0 || nanos <= 0 ? 0 : tokens * 1e9 / nanos;
    }
}
