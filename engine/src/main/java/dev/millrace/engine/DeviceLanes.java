package dev.millrace.engine;

import java.util.ArrayList;
import java.util.List;
import java.util.function.LongSupplier;

/**
 * The lanes of devices that serve side by side: they run their steps at the same time, and each is
 * the same part of the machine. Of two devices, a step of two nanoseconds on one takes one
 * nanosecond of the machine, so that whatever the devices do, at every moment the lanes' steps,
 * overhead and idle gaps add up to the time that has passed, to the nanosecond.
 */
public final class DeviceLanes {

    private final LongSupplier nanoClock;
    private final Object account = new Object();
    private final List<DeviceLane> lanes = new ArrayList<>();

    /** Lanes on the system's monotonic clock. @param count of devices, at least 1 */
    public DeviceLanes(int count) {
        this(count, System::nanoTime);
    }

    /** Lanes on a clock of the caller's; it must never run backwards, on whatever thread. */
    public DeviceLanes(int count, LongSupplier nanoClock) {
        if (count < 1) {
            throw new IllegalArgumentException("lanes must be at least 1, got " + count);
        }
        this.nanoClock = nanoClock;
        long openedNanos = nanoClock.getAsLong();
        for (int place = 0; place < count; place++) {
            lanes.add(new DeviceLane(nanoClock, account, openedNanos, place, count));
        }
    }

    /** How many there are. */
    public int count() {
        return lanes.size();
    }

    /** A device's. */
    public DeviceLane lane(int place) {
        return lanes.get(place);
    }

    /** The first device's, which also runs what runs on none of them. */
    public DeviceLane first() {
        return lanes.getFirst();
    }

    /** The books of all of them at one moment. */
    public LaneReading reading() {
        synchronized (account) {
            long now = nanoClock.getAsLong();
            List<LaneReading> each = lanes.stream().map(lane -> lane.reading(now)).toList();
            return each.size() == 1 ? each.getFirst() : LaneReading.together(each);
        }
    }
}
