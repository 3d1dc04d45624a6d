package dev.millrace.server.files;

import dev.millrace.server.openai.wire.ApiException;
import dev.millrace.server.openai.wire.Fields;
import java.time.Duration;
import java.util.Optional;

/** OpenAI's {@code expires_after}: how long after its creation a file is kept. */
public final class ExpiresAfter {

    private static final long LEAST_SECONDS = 3_600;
    private static final long MOST_SECONDS = 2_592_000;
    private static final String ANCHOR = "created_at";

    private ExpiresAfter() {}

    /** Of a body of JSON; empty if the field is absent. @throws ApiException 400 naming it */
    public static Optional<Duration> read(Fields body, String name) {
        Fields policy = body.object(name);
        if (policy == null) {
            return Optional.empty();
        }
        requireAnchor(policy.path("anchor"), policy.text("anchor"));
        policy.require("seconds");
        return Optional.of(Duration.ofSeconds(
                policy.integer("seconds", LEAST_SECONDS, MOST_SECONDS, 0)));
    }

    /** Of the fields of a form; both are null if it is absent. */
    static Optional<Duration> of(String anchor, String seconds) {
        if (anchor == null && seconds == null) {
            return Optional.empty();
        }
        if (anchor == null || seconds == null) {
            throw ApiException.missing(anchor == null
                    ? "expires_after[anchor]"
                    : "expires_after[seconds]");
        }
        requireAnchor("expires_after[anchor]", anchor);
        if (!seconds.matches("\\d{1,9}") || Long.parseLong(seconds) < LEAST_SECONDS
                || Long.parseLong(seconds) > MOST_SECONDS) {
            throw ApiException.invalid("expires_after[seconds]", "expires_after[seconds] must be"
                    + " between " + LEAST_SECONDS + " and " + MOST_SECONDS + ", got "
                    + Fields.shown(seconds));
        }
        return Optional.of(Duration.ofSeconds(Long.parseLong(seconds)));
    }

    private static void requireAnchor(String path, String anchor) {
        if (!anchor.equals(ANCHOR)) {
            throw ApiException.invalid(path, path + " must be " + ANCHOR + ", got \""
                    + Fields.shown(anchor) + "\"");
        }
    }
}
