package dev.millrace.engine;

import java.util.List;

/**
 * How a device's time was spent since its lane opened, in nanoseconds of one monotonic clock. Each
 * part is measured where it happens; together they are {@code elapsedNanos}.
 *
 * @param elapsedNanos  since the lane opened, up to the reading
 * @param stepNanos     occupied by steps that served requests
 * @param overheadNanos occupied by loading and warming up
 * @param idleNanos     not occupied
 * @param lanes         where it is of several devices side by side, each one's part of all this, at
 *                      the same moment; else empty
 */
public record LaneReading(long elapsedNanos, long stepNanos, long overheadNanos, long idleNanos,
        List<LaneReading> lanes) {

    /** Before anything. */
    public static final LaneReading START = new LaneReading(0, 0, 0, 0);

    public LaneReading {
        lanes = List.copyOf(lanes);
    }

    /** Of one device. */
    public LaneReading(long elapsedNanos, long stepNanos, long overheadNanos, long idleNanos) {
        this(elapsedNanos, stepNanos, overheadNanos, idleNanos, List.of());
    }

    /** Of one of the lanes; of the only one where there are no others. */
    public LaneReading lane(int place) {
        return lanes.isEmpty() && place == 0 ? this : lanes.get(place);
    }

    private LaneReading plus(LaneReading other) {
        return new LaneReading(elapsedNanos + other.elapsedNanos, stepNanos + other.stepNanos,
                overheadNanos + other.overheadNanos, idleNanos + other.idleNanos);
    }

    /** All lanes together. @param lanes two or more, read at one moment */
    static LaneReading together(List<LaneReading> lanes) {
        LaneReading sum = lanes.stream().reduce(START, LaneReading::plus);
        return new LaneReading(sum.elapsedNanos, sum.stepNanos, sum.overheadNanos, sum.idleNanos,
                lanes);
    }
}
