package dev.millrace.engine;

import java.util.List;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongSupplier;
import java.util.function.Supplier;

/**
 * Lets one step at a time onto a device, whoever asks, and measures what the device's time went to.
 *
 * <p>The clock is read once at each end of an occupancy, and each reading closes one interval and
 * opens the next; so steps, overhead and idle gaps add up to the elapsed time with nothing lost
 * between them.
 *
 * <p>Of several devices side by side ({@link DeviceLanes}) each is a part of the machine, and its
 * time is that part of the machine's: all nanoseconds that a lane counts are the machine's.
 */
public final class DeviceLane {

    private final ReentrantLock device = new ReentrantLock(true);
    private final LongSupplier nanoClock;

    private final Object account; // of all lanes side by side: one moment for all of them
    private final long openedNanos; // of the clock
    private final int place; // among the lanes
    private final int lanes;
    private long stepNanos;
    private long overheadNanos;
    private long idleNanos;
    private long intervalStartNanos; // of the lane's part of the time
    private long occupancyNanos;
    private Use use = Use.IDLE;

    /** What an interval counts as. */
    private enum Use {
        IDLE,
        STEP,
        OVERHEAD
    }

    /**
     * A step that ran.
     *
     * @param value   what it returned; null if it failed
     * @param failure what it threw; null if it returned
     * @param nanos   how long it had the device, exactly as the lane counted it; of one lane among
     *                several its part of the machine's time
     */
    public record Occupancy<T>(T value, Throwable failure, long nanos) {}

    /** A lane on the system's monotonic clock. */
    public DeviceLane() {
        this(System::nanoTime);
    }

    /** A lane on a clock of the caller's; it must never run backwards. */
    public DeviceLane(LongSupplier nanoClock) {
        this(nanoClock, new Object(), nanoClock.getAsLong(), 0, 1);
    }

    /** @param account guards the books of all lanes side by side */
    DeviceLane(LongSupplier nanoClock, Object account, long openedNanos, int place, int lanes) {
        this.nanoClock = nanoClock;
        this.account = account;
        this.openedNanos = openedNanos;
        this.place = place;
        this.lanes = lanes;
    }

    /** The time on the lane's clock, comparable only with itself. */
    public long nanoTime() {
        return nanoClock.getAsLong();
    }

    /**
     * Waits for the device and runs one step on it. A step that throws has occupied the device just
     * the same, so its failure is returned with the time that it took.
     */
    public <T> Occupancy<T> step(Supplier<T> work) {
        device.lock();
        try {
            begin(Use.STEP);
            T value = null;
            Throwable failure = null;
            try {
                value = work.get();
            } catch (Throwable thrown) {
                failure = thrown;
            }
            return new Occupancy<>(value, failure, end());
        } finally {
            device.unlock();
        }
    }

    /** Waits for the device and runs something that serves no request, such as a warm-up. */
    public <T> T overhead(Supplier<T> work) {
        device.lock();
        try {
            begin(Use.OVERHEAD);
            try {
                return work.get();
            } finally {
                end();
            }
        } finally {
            device.unlock();
        }
    }

    /** The books so far; what is going on at the moment counts up to now. */
    public LaneReading reading() {
        synchronized (account) {
            return reading(nanoClock.getAsLong());
        }
    }

    /** The books at a moment that is not before any of their intervals; with the account locked. */
    LaneReading reading(long now) {
        change(use, now);
        return new LaneReading(intervalStartNanos, stepNanos, overheadNanos, idleNanos, List.of());
    }

    private void begin(Use next) {
        synchronized (account) {
            change(next, nanoClock.getAsLong());
            occupancyNanos = 0;
        }
    }

    private long end() {
        synchronized (account) {
            change(Use.IDLE, nanoClock.getAsLong());
            return occupancyNanos;
        }
    }

    /** Closes the current interval and opens the next. */
    private void change(Use next, long now) {
        long partNanos = partNanos(now);
        long interval = partNanos - intervalStartNanos;
        switch (use) {
            case IDLE -> idleNanos += interval;
            case STEP -> stepNanos += interval;
            case OVERHEAD -> overheadNanos += interval;
        }
        occupancyNanos += interval;
        intervalStartNanos = partNanos;
        use = next;
    }

    /**
     * The lane's part of the time since it opened. Lanes count one nanosecond in {@code lanes}, and
     * not the same ones: over all places floor((t + place) / lanes) adds up to t (Hermite).
     */
    private long partNanos(long now) {
        return Math.floorDiv(now - openedNanos + place, lanes);
    }
}
