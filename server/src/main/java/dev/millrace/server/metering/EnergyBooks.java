package dev.millrace.server.metering;

import dev.millrace.engine.LaneReading;
import java.util.List;

/**
 * Divides energy: between two readings of the counter, idle time gets the power of an idle machine
 * and work that of a busy one, in the proportion that {@link PowerModel} has learnt, so scaled that
 * they add up to what the counter gained; within the work every line gets microjoules by the
 * nanoseconds that it gained. Nothing is lost. The energy of a step that is still running is kept
 * back until the engine says whose step it was.
 *
 * <p>Once the counter fails there is no energy any more rather than a wrong one.
 */
final class EnergyBooks {

    /** Of the step pool: recompute, unrecorded, in flight, rejected. */
    private static final int OWN_LINES = 4;

    private final EnergySource source;
    private final StepApportioner apportioner = new StepApportioner();
    private final PowerModel power = new PowerModel();
    private long lastMicrojoules;
    private LaneReading lastLane = new LaneReading(0, 0, 0, 0);
    private long lastRecomputeNanos;
    private long lastUnrecordedNanos;
    private long lastRejectedNanos;

    private long idleMicrojoules;
    private long overheadMicrojoules;
    private long recomputeMicrojoules;
    private long rejectedMicrojoules;
    private long unrecordedMicrojoules;
    private long inFlightMicrojoules;

    EnergyBooks(EnergySource source) {
        this.source = source;
        this.lastMicrojoules = source.microjoules();
    }

    boolean measured() {
        return lastMicrojoules >= 0;
    }

    /** Reads the counter and shares what it gained. */
    void advance(AccountBook.Snapshot books, LaneReading lane) {
        long now = measured() ? source.microjoules() : -1;
        if (now < lastMicrojoules) { // it failed, or went backwards
            lastMicrojoules = -1;
            return;
        }
        double idleNanos = lane.idleNanos() - lastLane.idleNanos();
        double[] weights = {idleNanos * power.idleShare(),
            lane.overheadNanos() - lastLane.overheadNanos(),
            lane.stepNanos() - lastLane.stepNanos()};
        long[] shares = new long[weights.length];
        power.add(idleNanos, weights[1] + weights[2], now - lastMicrojoules);
        apportioner.apportion(now - lastMicrojoules, weights, weights.length, shares);
        idleMicrojoules += shares[0];
        overheadMicrojoules += shares[1];
        shareSteps(inFlightMicrojoules + shares[2], books, lane);
        lastMicrojoules = now;
        lastLane = lane;
    }

    private void shareSteps(long microjoules, AccountBook.Snapshot books, LaneReading lane) {
        int accounts = books.paying().size() + books.unpaid().size();
        double[] weights = new double[accounts + OWN_LINES];
        long[] shares = new long[weights.length];
        weights[0] = books.recomputeNanos() - lastRecomputeNanos;
        weights[1] = books.unrecordedNanos() - lastUnrecordedNanos;
        weights[2] = Math.max(0, lane.stepNanos() - books.toldNanos());
        weights[3] = books.rejectedNanos() - lastRejectedNanos;
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
        lastRecomputeNanos = books.recomputeNanos();
        lastRejectedNanos = books.rejectedNanos();
        lastUnrecordedNanos = books.unrecordedNanos();
    }

    private static int weigh(List<Account.Reading> readings, double[] weights, int first) {
        int line = first;
        for (Account.Reading reading : readings) {
            weights[line++] = reading.deviceNanos() - reading.account().energyNanos;
        }
        return line;
    }

    private static int credit(List<Account.Reading> readings, long[] shares, int first) {
        int line = first;
        for (Account.Reading reading : readings) {
            reading.account().energyNanos = reading.deviceNanos();
            reading.account().microjoules += shares[line++];
        }
        return line;
    }

    /** In words, where it comes from. */
    String source() {
        return source.description();
    }

    /** Energy of an account so far, or -1. */
    long of(Account account) {
        return measured() ? account.microjoules : -1;
    }

    /** Energy of a line of the machine since the session began, or -1. */
    long of(MachineTime.Kind kind) {
        if (!measured()) {
            return -1;
        }
        return switch (kind) {
            case IDLE -> idleMicrojoules;
            case OVERHEAD -> overheadMicrojoules;
            case RECOMPUTE -> recomputeMicrojoules;
            case REJECTED -> rejectedMicrojoules;
            case UNRECORDED -> unrecordedMicrojoules;
            case IN_FLIGHT -> inFlightMicrojoules;
            case OFFLINE, ROUNDING, OPEN -> -1;
        };
    }
}
