package dev.millrace.bench.ledger;

import java.time.Clock;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;

/** A clock that runs so many times as fast as the wall's. */
final class FastClock extends Clock {

    private final long beganMillis;
    private final long beganNanos = System.nanoTime();
    private final int speed;

    FastClock(Instant began, int speed) {
        this.beganMillis = began.toEpochMilli();
        this.speed = speed;
    }

    /** Since it began, on this clock. */
    long elapsedNanos() {
        return (System.nanoTime() - beganNanos) * speed;
    }

    @Override
    public long millis() {
        return beganMillis + elapsedNanos() / 1_000_000;
    }

    @Override
    public Instant instant() {
        return Instant.ofEpochMilli(millis());
    }

    @Override
    public ZoneId getZone() {
        return ZoneOffset.UTC;
    }

    @Override
    public Clock withZone(ZoneId zone) {
        throw new UnsupportedOperationException("this clock is in UTC");
    }
}
