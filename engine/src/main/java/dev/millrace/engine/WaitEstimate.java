package dev.millrace.engine;

import java.time.Duration;

/**
 * Estimates how long a queue takes to empty, from how fast it has been emptying: by Little's law
 * the wait is the length of the queue times the mean time between departures.
 */
final class WaitEstimate {

    static final Duration LEAST = Duration.ofSeconds(1);
    static final Duration MOST = Duration.ofMinutes(10);

    private static final double WEIGHT_OF_LATEST = 0.125;

    private double meanIntervalNanos;
    private long lastDepartureNanos = Long.MIN_VALUE;

    /** Notes that a request left the queue. */
    void departed(long arrivedNanos, long nowNanos) {
        // Before it arrived, the queue may have been empty: that time says nothing about its speed.
        long interval = nowNanos - Math.max(arrivedNanos, lastDepartureNanos);
        meanIntervalNanos += WEIGHT_OF_LATEST * (interval - meanIntervalNanos);
        lastDepartureNanos = nowNanos;
    }

    /** The wait behind {@code queued} others, to whole seconds. */
    Duration wait(int queued) {
        long seconds = (long) Math.ceil(queued * meanIntervalNanos / 1e9);
        return Duration.ofSeconds(Math.clamp(seconds, LEAST.toSeconds(), MOST.toSeconds()));
    }
}
