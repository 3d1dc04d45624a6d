package dev.millrace.server.openai;

import dev.millrace.server.openai.wire.HttpLimits;
import java.time.Duration;

/** Limits that a test can reach. */
final class Limits {

    private static final HttpLimits USUAL = HttpLimits.DEFAULT;

    private Limits() {}

    /** The usual limits with other times of silence. */
    static HttpLimits with(Duration keepAlive, Duration watch) {
        return new HttpLimits(USUAL.connections(), USUAL.requests(), USUAL.headerBytes(),
                USUAL.bodyBytes(), USUAL.bodyTime(), USUAL.jsonDepth(), USUAL.jsonValues(),
                USUAL.choices(), USUAL.completionTokens(), USUAL.idle(), keepAlive, watch);
    }

    /** Small enough to hit with a few bytes. */
    static HttpLimits tight() {
        return new HttpLimits(64, 2, 2048, 4096, Duration.ofMillis(600), 10, 500, 4, 1000,
                Duration.ofMillis(500), USUAL.keepAlive(), Duration.ofMillis(20));
    }
}
