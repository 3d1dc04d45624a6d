package dev.millrace.server.tenants;

import java.time.Duration;
import java.util.function.LongSupplier;

/**
 * So many tokens a minute: a bucket that holds one minute's worth, is full at first and fills
 * steadily. It counts in whole 1/60,000,000 tokens, which is what a limit of one token a minute
 * gains in a microsecond, so that nothing is lost to rounding. May be in debt, see
 * {@link #giveBack}.
 */
final class TokenBucket {

    private static final long PARTS = 60_000_000;
    private static final long NANOS_PER_MICRO = 1_000;

    private final int perMinute;
    private final LongSupplier nanoTime;
    private long parts;
    private long filledMicros;

    /** @param perMinute at least 1; also how many it holds */
    TokenBucket(int perMinute, LongSupplier nanoTime) {
        this.perMinute = perMinute;
        this.nanoTime = nanoTime;
        this.parts = perMinute * PARTS;
        this.filledMicros = nanoTime.getAsLong() / NANOS_PER_MICRO;
    }

    int perMinute() {
        return perMinute;
    }

    /**
     * Takes tokens if they are all there.
     *
     * @return zero if they were taken; otherwise how long until they will be there
     */
    synchronized Duration take(long tokens) {
        fill();
        long missing = Math.multiplyExact(tokens, PARTS) - parts;
        if (missing > 0) {
            return micros(missing);
        }
        parts -= tokens * PARTS;
        return Duration.ZERO;
    }

    /** Puts tokens back; a negative number takes more, whether they are there or not. */
    synchronized void giveBack(long tokens) {
        fill();
        parts = Math.min(perMinute * PARTS, parts + tokens * PARTS);
    }

    /** Whole tokens that can be taken now. */
    synchronized long remaining() {
        fill();
        return Math.max(0, parts / PARTS);
    }

    /** How long until it is full. */
    synchronized Duration untilFull() {
        fill();
        return micros(perMinute * PARTS - parts);
    }

    private Duration micros(long missing) {
        return Duration.ofNanos(Math.ceilDiv(missing, (long) perMinute) * NANOS_PER_MICRO);
    }

    private void fill() {
        long now = nanoTime.getAsLong() / NANOS_PER_MICRO;
        long full = perMinute * PARTS;
        // Compared before it is multiplied: after a long silence the product would not fit.
        long micros = Math.min(now - filledMicros, (full - parts) / perMinute + 1);
        parts = Math.min(full, parts + micros * perMinute);
        filledMicros = now;
    }
}
