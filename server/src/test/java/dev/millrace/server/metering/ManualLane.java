package dev.millrace.server.metering;

import dev.millrace.engine.LaneReading;
import java.util.function.Supplier;

/** A device's clock that a test moves by hand. */
final class ManualLane implements Supplier<LaneReading> {

    private long stepNanos;
    private long overheadNanos;
    private long idleNanos;

    synchronized void step(long nanos) {
        stepNanos += nanos;
    }

    synchronized void overhead(long nanos) {
        overheadNanos += nanos;
    }

    synchronized void idle(long nanos) {
        idleNanos += nanos;
    }

    @Override
    public synchronized LaneReading get() {
        return new LaneReading(stepNanos + overheadNanos + idleNanos, stepNanos, overheadNanos,
                idleNanos);
    }
}
