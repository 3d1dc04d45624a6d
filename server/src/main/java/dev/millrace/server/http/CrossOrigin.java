package dev.millrace.server.http;

import io.javalin.http.Context;
import io.javalin.http.HandlerType;
import java.util.List;
import java.util.regex.Pattern;

/**
 * Lets scripts of other web pages use the server (CORS, as the Fetch standard has it): those of the
 * pages that the operator names. No cookies are involved; a script needs a key like everybody.
 */
final class CrossOrigin {

    /** All pages; where no key protects the server they must be named all the same. */
    static final String ANY = "*";

    private static final String METHODS = "GET, POST, DELETE";
    private static final Pattern HEADER_NAMES = Pattern.compile("[A-Za-z0-9, _-]{1,1024}");
    private static final String EXPOSED = "x-request-id, retry-after, retry-after-ms, "
            + "x-ratelimit-limit-requests, x-ratelimit-remaining-requests, "
            + "x-ratelimit-reset-requests, x-ratelimit-limit-tokens, x-ratelimit-remaining-tokens, "
            + "x-ratelimit-reset-tokens";
    private static final String SECONDS = "600";

    private final List<String> origins;

    /** @param origins such as {@code https://app.example}; empty for none */
    CrossOrigin(List<String> origins) {
        this.origins = List.copyOf(origins);
    }

    /** Whether the operator has named this origin itself. */
    boolean names(String origin) {
        return origins.contains(origin);
    }

    /** Marks what an allowed page may read, and answers the question that browsers ask first. */
    void answer(Context context) {
        String origin = context.header("Origin");
        if (origins.isEmpty() || origin == null) {
            return;
        }
        context.header("Vary", "Origin");
        if (!names(origin) && !origins.contains(ANY)) {
            return;
        }
        context.header("Access-Control-Allow-Origin", origin)
                .header("Access-Control-Expose-Headers", EXPOSED);
        String wanted = context.header("Access-Control-Request-Method");
        if (context.method().equals(HandlerType.OPTIONS) && wanted != null) {
            String names = context.header("Access-Control-Request-Headers");
            if (names != null && HEADER_NAMES.matcher(names).matches()) {
                context.header("Access-Control-Allow-Headers", names);
            }
            context.header("Access-Control-Allow-Methods", METHODS)
                    .header("Access-Control-Max-Age", SECONDS).status(204)
                    .skipRemainingHandlers();
        }
    }
}
