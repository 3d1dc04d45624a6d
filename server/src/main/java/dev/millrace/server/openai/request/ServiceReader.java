package dev.millrace.server.openai.request;

import dev.millrace.engine.ServiceTerms;
import dev.millrace.engine.ServiceTier;
import dev.millrace.server.openai.wire.ApiException;
import dev.millrace.server.openai.wire.Fields;
import dev.millrace.server.openai.wire.RequestHeaders;
import java.time.Duration;

/**
 * Reads when a request is to be served: OpenAI's {@code service_tier}, vLLM's {@code priority}, and
 * {@code timeout} in seconds, which may also be a header. Of two limits the shorter holds.
 */
final class ServiceReader {

    private static final double LEAST_SECONDS = 0.001;
    private static final double MOST_SECONDS = 24 * 3600;
    private static final double NO_LIMIT = Double.POSITIVE_INFINITY;
    private static final double NANOS = 1e9;

    private ServiceReader() {}

    /** @throws ApiException 400 that names the field, or the header */
    static ServiceTerms read(Fields fields, RequestHeaders headers) {
        int priority = (int) fields.integer("priority", -ServiceTerms.MOST_PRIORITY,
                ServiceTerms.MOST_PRIORITY, 0);
        double seconds = Math.min(headerSeconds(headers.timeout()),
                fields.number("timeout", LEAST_SECONDS, MOST_SECONDS, NO_LIMIT));
        return new ServiceTerms(tier(fields), priority, seconds == NO_LIMIT
                ? Duration.ZERO
                : Duration.ofNanos(Math.round(seconds * NANOS)));
    }

    private static double headerSeconds(String text) {
        if (text == null) {
            return NO_LIMIT;
        }
        try {
            double seconds = Double.parseDouble(text.strip());
            if (seconds >= LEAST_SECONDS && seconds <= MOST_SECONDS) {
                return seconds;
            }
        } catch (NumberFormatException e) {
            throw noSeconds(text);
        }
        throw noSeconds(text);
    }

    private static ApiException noSeconds(String text) {
        return ApiException.invalid(RequestHeaders.TIMEOUT, "the header " + RequestHeaders.TIMEOUT
                + " must be seconds between " + LEAST_SECONDS + " and " + (int) MOST_SECONDS
                + ", such as 30 or 2.5, got \"" + Fields.shown(text) + "\"");
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
}
