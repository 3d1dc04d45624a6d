package dev.millrace.server.metering;

import java.time.Clock;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.time.temporal.ChronoUnit;
import java.util.Random;

/** A wall clock that somebody sets all the time: by seconds as NTP does, by hours, by months. */
final class JumpingClock extends Clock {

    private static final long[] STEPS = {1, 1_000, 3_600_000, 40L * 24 * 3_600_000};

    private final Random random;
    private Instant around = Instant.ofEpochMilli(ManualClock.START_MILLIS);

    JumpingClock(long seed) {
        this.random = new Random(seed);
    }

    @Override
    public synchronized Instant instant() {
        long most = STEPS[random.nextInt(STEPS.length)];
        return around.plus(random.nextLong(-most, most + 1), ChronoUnit.MILLIS);
    }

    /** Whereabouts it jumps from now on. */
    synchronized void set(long millis) {
        around = Instant.ofEpochMilli(millis);
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
