package dev.millrace.server.metering;

import java.util.HashMap;
import java.util.Map;

/**
 * What a token of each model has taken of late, on average: of the prompt and of the completion.
 * Safe to share between threads.
 */
public final class TokenTimes {

    /** For a model that has not run yet, those of a slow machine. */
    private static final double UNKNOWN_PROMPT_NANOS = 10e6;
    private static final double UNKNOWN_COMPLETION_NANOS = 100e6;

    /** Requests after which the older ones count half. */
    private static final int MEMORY = 1_000;
    /** Most models to remember; adapters come and go. */
    private static final int MOST_MODELS = 10_000;

    private final Map<String, Sums> models = new HashMap<>();

    /** What one model's requests have taken. */
    private static final class Sums {

        private long requests;
        private double computedTokens;
        private double prefillNanos;
        private double completionTokens;
        private double decodeNanos;

        void halve() {
            requests /= 2;
            computedTokens /= 2;
            prefillNanos /= 2;
            completionTokens /= 2;
            decodeNanos /= 2;
        }
    }

    /** A request has ended. */
    public synchronized void add(String model, long computedTokens, long prefillNanos,
            long completionTokens, long decodeNanos) {
        if (models.size() >= MOST_MODELS && !models.containsKey(model)) {
            return;
        }
        Sums sums = models.computeIfAbsent(model, id -> new Sums());
        sums.requests++;
        sums.computedTokens += computedTokens;
        sums.prefillNanos += prefillNanos;
        sums.completionTokens += completionTokens;
        sums.decodeNanos += decodeNanos;
        if (sums.requests > MEMORY) {
            sums.halve();
        }
    }

    /** Device time that so many tokens would take at the averages. */
    public synchronized long nanos(String model, long promptTokens, long completionTokens) {
        Sums sums = models.getOrDefault(model, new Sums());
        double prompt = sums.computedTokens > 0 && sums.prefillNanos > 0
                ? sums.prefillNanos / sums.computedTokens
                : UNKNOWN_PROMPT_NANOS;
        double completion = sums.completionTokens > 0 && sums.decodeNanos > 0
                ? sums.decodeNanos / sums.completionTokens
                : UNKNOWN_COMPLETION_NANOS;
        return Math.round(promptTokens * prompt + completionTokens * completion);
    }
}
