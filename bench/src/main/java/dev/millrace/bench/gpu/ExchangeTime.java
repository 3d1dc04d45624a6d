package dev.millrace.bench.gpu;

import dev.millrace.bench.model.ModelTest;
import dev.millrace.kernels.cuda.ExchangeProbe;
import dev.millrace.models.ModelSpec;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;

/**
 * What a test's steps wait for exchanges between devices, if these took as long within a step as
 * they do with nothing beside them.
 *
 * @param exchanges of a step: two in every layer
 * @param seconds   that each takes
 * @param share     of the step's time
 */
record ExchangeTime(ModelTest test, int exchanges, double seconds, double share) {

    private static final int PER_LAYER = 2;

    /** @param stepTokens most tokens of prompts in one step */
    static ExchangeTime of(ExchangeProbe probe, ModelSpec spec, ModelTest test, int stepTokens,
            double tokensPerSecond) {
        int tokens = stepTokens(test, stepTokens);
        int exchanges = PER_LAYER * spec.layers();
        double seconds = probe.seconds((long) tokens * spec.embeddingSize());
        return new ExchangeTime(test, exchanges, seconds,
                exchanges * seconds * tokensPerSecond / tokens);
    }

    /** Tokens of a test's largest step. */
    static int stepTokens(ModelTest test, int stepTokens) {
        return test.isPrefill()
                ? Math.min(test.promptTokens(), stepTokens)
                : test.sequences();
    }

    /** A line below the test's. */
    String line() {
        return String.format(Locale.ROOT, "  %-20s %d exchanges a step of %.1f us by themselves,"
                + " %.0f %% of it", "", exchanges, seconds * 1e6, 100 * share);
    }

    /** The fields of the result, without the machine's. */
    Map<String, Object> asMap() {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("test", test.label());
        map.put("exchanges", exchanges);
        map.put("exchange_micros", seconds * 1e6);
        map.put("step_share", share);
        return map;
    }
}
