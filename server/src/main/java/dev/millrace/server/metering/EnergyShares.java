package dev.millrace.server.metering;

import dev.millrace.engine.LaneReading;
import dev.millrace.server.metering.EnergySource.Part;
import java.util.List;

/**
 * Divides the energy of one source by what it went to on the lane whose it is, or on all of them:
 * between two readings of the counter, idle time gets the power of an idle machine and work that of
 * a busy one, in the proportion that {@link PowerModel} has learnt, so scaled that
 * they add up to what the counter gained; within the work every line gets microjoules by the
 * nanoseconds that it gained. Nothing is lost. The energy of a step that is still running is kept
 * back until the engine says whose step it was.
 *
 * <p>Once the counter fails there is no energy any more rather than a wrong one.
 */
final class EnergyShares {

    /** Of the step pool: recompute, unrecorded, in flight, rejected. */
    private static final int OWN_LINES = 4;

    private final EnergySource source;
    private final int lane;
    private final StepApportioner apportioner = new StepApportioner();
    private final PowerModel power = new PowerModel();
    private long lastMicrojoules;
    private LaneReading lastLane = LaneReading.START;
    private long lastRecomputeNanos;
    private long lastUnrecordedNanos;
    private long lastRejectedNanos;

    private long idleMicrojoules;
    private long overheadMicrojoules;
    private long recomputeMicrojoules;
    private long rejectedMicrojoules;
    private long unrecordedMicrojoules;
    private long inFlightMicrojoules;

    EnergyShares(Part part) {
        this.source = part.source();
        this.lane = part.lane();
        this.lastMicrojoules = source.microjoules();
    }

    boolean measured() {
        return lastMicrojoules >= 0;
    }

    /** Reads the counter and shares what it gained, to accounts by their time since the last. */
    void advance(AccountBook.Snapshot books, LaneReading machine) {
        LaneReading now = lane == Part.ANY_LANE ? machine : machine.lane(lane);
        long microjoules = measured() ? source.microjoules() : -1;
        if (microjoules < lastMicrojoules) { // it failed, or went backwards
            lastMicrojoules = -1;
            return;
        }
        double idleNanos = now.idleNanos() - lastLane.idleNanos();
        double[] weights = {idleNanos * power.idleShare(),
            now.overheadNanos() - lastLane.overheadNanos(),
            now.stepNanos() - lastLane.stepNanos()};
        long[] shares = new long[weights.length];
        power.add(idleNanos, weights[1] + weights[2], microjoules - lastMicrojoules);
        apportioner.apportion(microjoules - lastMicrojoules, weights, weights.length, shares);
        idleMicrojoules += shares[0];
        overheadMicrojoules += shares[1];
        shareSteps(inFlightMicrojoules + shares[2], books, now);
        lastMicrojoules = microjoules;
        lastLane = now;
    }

    private void shareSteps(long microjoules, AccountBook.Snapshot books, LaneReading now) {
        LaneSteps.Reading steps = steps(books);
        int accounts = books.paying().size() + books.unpaid().size();
        double[] weights = new double[accounts + OWN_LINES];
        long[] shares = new long[weights.length];
        weights[0] = steps.recomputeNanos() - lastRecomputeNanos;
        weights[1] = steps.unrecordedNanos() - lastUnrecordedNanos;
        weights[2] = Math.max(0, now.stepNanos() - steps.toldNanos());
        weights[3] = steps.rejectedNanos() - lastRejectedNanos;
        int line = weigh(books.paying(), weights, OWN_LINES);
        line = weigh(books.unpaid(), weights, line);
        double sum = 0;
        for (double weight : weights) {
            sum += weight;
        }
        if (sum == 0) {
            inFlightMicrojoules = microjoules;
            return;
        }
        apportioner.apportion(microjoules, weights, line, shares);
        recomputeMicrojoules += shares[0];
        unrecordedMicrojoules += shares[1];
        inFlightMicrojoules = shares[2];
        rejectedMicrojoules += shares[3];
        line = credit(books.paying(), shares, OWN_LINES);
        credit(books.unpaid(), shares, line);
        lastRecomputeNanos = steps.recomputeNanos();
        lastRejectedNanos = steps.rejectedNanos();
        lastUnrecordedNanos = steps.unrecordedNanos();
    }

    private LaneSteps.Reading steps(AccountBook.Snapshot books) {
        List<LaneSteps.Reading> lanes = books.lanes();
        return lane == Part.ANY_LANE
                ? books.steps()
                : LaneSteps.Reading.together(lane < lanes.size() // else nothing has run there yet
                        ? List.of(lanes.get(lane))
                        : List.of());
    }

    private boolean concerns(Account.Reading reading) {
        return lane == Part.ANY_LANE || lane == reading.lane();
    }

    private int weigh(List<Account.Reading> readings, double[] weights, int first) {
        int line = first;
        for (Account.Reading reading : readings) {
            weights[line++] = concerns(reading)
                    ? reading.deviceNanos() - reading.account().energyNanos
                    : 0;
        }
        return line;
    }

    private static int credit(List<Account.Reading> readings, long[] shares, int first) {
        int line = first;
        for (Account.Reading reading : readings) {
            reading.account().microjoules += shares[line++];
        }
        return line;
    }

    /** Energy of a line of the machine since the session began. */
    long of(MachineTime.Kind kind) {
        return switch (kind) {
            case IDLE -> idleMicrojoules;
            case OVERHEAD -> overheadMicrojoules;
            case RECOMPUTE -> recomputeMicrojoules;
            case REJECTED -> rejectedMicrojoules;
            case UNRECORDED -> unrecordedMicrojoules;
            case IN_FLIGHT -> inFlightMicrojoules;
            case OFFLINE, ROUNDING, OPEN -> 0;
        };
    }
}
