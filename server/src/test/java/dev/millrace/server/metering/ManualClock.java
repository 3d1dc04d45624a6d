package dev.millrace.server.metering;

import java.time.Clock;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;

/** A wall clock that a test sets, also backwards. */
final class ManualClock extends Clock {

    /** 2026-11-21 10:00 UTC. */
    static final long START_MILLIS = 1_795_255_200_000L;

    private volatile long millis = START_MILLIS;

    void move(long byMillis) {
        millis += byMillis;
    }

    @Override
    public long millis() {
        return millis;
    }

    @Override
    public Instant instant() {
        return Instant.ofEpochMilli(millis);
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
