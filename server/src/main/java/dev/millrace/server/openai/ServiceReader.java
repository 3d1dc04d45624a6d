package dev.millrace.server.openai;

import dev.millrace.engine.ServiceTerms;
import dev.millrace.engine.ServiceTier;
import java.time.Duration;
import java.util.Locale;

/**
 * Reads when a request is to be served: OpenAI's {@code service_tier}, vLLM's {@code priority}, and
 * {@code timeout} in seconds.
 */
final class ServiceReader {

    private static final double LEAST_SECONDS = 0.001;
    private static final double MOST_SECONDS = 24 * 3600;
    private static final double NANOS = 1e9;

    private ServiceReader() {}

    /** @throws ApiException 400 that names the field */
    static ServiceTerms read(Fields fields) {
        int priority = (int) fields.integer("priority", -ServiceTerms.MOST_PRIORITY,
                ServiceTerms.MOST_PRIORITY, 0);
        double seconds = fields.number("timeout", LEAST_SECONDS, MOST_SECONDS, 0);
        return new ServiceTerms(tier(fields), priority,
                Duration.ofNanos(Math.round(seconds * NANOS)));
    }

    private static ServiceTier tier(Fields fields) {
        String name = fields.text("service_tier", "auto");
        return switch (name) {
            case "auto", "default" -> ServiceTier.DEFAULT;
            case "flex" -> ServiceTier.FLEX;
            case "priority" -> ServiceTier.PRIORITY;
            default -> throw ApiException.invalid("service_tier",
                    "service_tier must be auto, default, flex or priority, got \""
                            + Fields.shown(name) + "\"");
        };
    }

    /** OpenAI's word for how a request was served. */
    static String word(ServiceTerms terms) {
        return terms.tier().name().toLowerCase(Locale.ROOT);
    }
}
