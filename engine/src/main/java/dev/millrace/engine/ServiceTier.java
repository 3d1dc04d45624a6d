package dev.millrace.engine;

import java.time.Duration;

/** How urgent a request is, best first; OpenAI's names. */
public enum ServiceTier {
    PRIORITY(Duration.ofMinutes(-10)),
    DEFAULT(Duration.ZERO),
    FLEX(Duration.ofMinutes(10));

    private final long delayNanos;

    ServiceTier(Duration delay) {
        this.delayNanos = delay.toNanos();
    }

    /**
     * A request takes its turn as if it had come so much later than it did. So a tier goes before
     * another, and yet the other's requests wait no longer behind it than the difference.
     */
    long delayNanos() {
        return delayNanos;
    }
}
