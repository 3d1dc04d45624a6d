package dev.millrace.engine;

/**
 * How a device's time was spent since its lane opened, in nanoseconds of one monotonic clock. Each
 * part is measured where it happens; together they are {@code elapsedNanos}.
 *
 * @param elapsedNanos  since the lane opened, up to the reading
 * @param stepNanos     occupied by steps that served requests
 * @param overheadNanos occupied by loading and warming up
 * @param idleNanos     not occupied
 */
public record LaneReading(long elapsedNanos, long stepNanos, long overheadNanos, long idleNanos) {}
