package dev.millrace.server.metering;

import dev.millrace.engine.LaneReading;
import dev.millrace.engine.TokenUsage;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * Turns what the meter and the device say into postings at one rate. The writer thread's own. A
 * posting that the ledger did not take changes nothing here: the next one has it all again.
 */
final class EpochBooks {

    /** The machine's time is kept in one row per kind and so long. */
    static final long WINDOW_MILLIS = TimeUnit.HOURS.toMillis(1);

    private static final LaneReading LANE_START = new LaneReading(0, 0, 0, 0);

    private final CostModel rate;
    private final EnergyBooks energy;

    private long windowMillis;
    private Totals windowStart = new Totals(LANE_START, 0, 0, 0, 0, 0, 0);
    private Charge windowRounding = Charge.ZERO;

    private Totals draftTotals;
    private Charge draftRounding;

    /** Everything that only grows, as of one moment. Microjoules are -1 where not measured. */
    private record Totals(LaneReading lane, long recomputeNanos, long unrecordedNanos,
            long idleMicrojoules, long overheadMicrojoules, long recomputeMicrojoules,
            long unrecordedMicrojoules) {}

    EpochBooks(CostModel rate, EnergyBooks energy, long nowMillis) {
        this.rate = rate;
        this.energy = energy;
        this.windowMillis = windowOf(nowMillis);
    }

    /**
     * Everything to write now.
     *
     * @param books      taken before {@code lane} was read, so that the lane's steps include the
     *                   books'
     * @param checkpoint whether to write down the requests in progress too
     * @param last       whether the session ends: then nothing may be in flight, and if the engine
     *                   kept a step to itself the books must show it by not balancing
     */
    Posting draft(AccountBook.Snapshot books, LaneReading lane, long nowMillis,
            boolean checkpoint, boolean last) {
        energy.advance(books, lane);
        List<RequestRow> requests = new ArrayList<>(books.paying().size());
        draftRounding = windowRounding;
        for (Account.Reading reading : books.paying()) {
            RequestRow row = row(reading);
            requests.add(row);
            draftRounding = draftRounding.plus(row.charge().remainder());
        }
        long openNanos = 0;
        List<OpenRow> open = new ArrayList<>();
        for (Account.Reading reading : books.unpaid()) {
            openNanos += reading.deviceNanos();
            if (checkpoint && reading.deviceNanos() > reading.account().checkpointedNanos) {
                open.add(openRow(reading));
            }
        }
        draftTotals = totals(books, lane);
        List<MachineTime> times = windowTimes();
        times.add(time(MachineTime.Kind.OPEN, openNanos, -1));
        long inFlightNanos = last ? 0 : Math.max(0, lane.stepNanos() - books.toldNanos());
        times.add(time(MachineTime.Kind.IN_FLIGHT, inFlightNanos,
                energy.of(MachineTime.Kind.IN_FLIGHT)));
        return new Posting(nowMillis, lane.elapsedNanos(), windowMillis, requests, open, times,
                last);
    }

    /** The ledger took the last draft. A new hour starts where it ended, never an earlier one. */
    void posted(Posting posting) {
        windowRounding = draftRounding;
        long window = windowOf(posting.heartbeatMillis());
        if (window > windowMillis) {
            windowMillis = window;
            windowStart = draftTotals;
            windowRounding = Charge.ZERO;
        }
    }

    private Totals totals(AccountBook.Snapshot books, LaneReading lane) {
        return new Totals(lane, books.recomputeNanos(), books.unrecordedNanos(),
                energy.of(MachineTime.Kind.IDLE), energy.of(MachineTime.Kind.OVERHEAD),
                energy.of(MachineTime.Kind.RECOMPUTE), energy.of(MachineTime.Kind.UNRECORDED));
    }

    private List<MachineTime> windowTimes() {
        Totals now = draftTotals;
        Totals start = windowStart;
        List<MachineTime> times = new ArrayList<>();
        addTime(times, MachineTime.Kind.IDLE, now.lane.idleNanos() - start.lane.idleNanos(),
                since(now.idleMicrojoules, start.idleMicrojoules));
        addTime(times, MachineTime.Kind.OVERHEAD,
                now.lane.overheadNanos() - start.lane.overheadNanos(),
                since(now.overheadMicrojoules, start.overheadMicrojoules));
        addTime(times, MachineTime.Kind.RECOMPUTE, now.recomputeNanos - start.recomputeNanos,
                since(now.recomputeMicrojoules, start.recomputeMicrojoules));
        addTime(times, MachineTime.Kind.UNRECORDED, now.unrecordedNanos - start.unrecordedNanos,
                since(now.unrecordedMicrojoules, start.unrecordedMicrojoules));
        if (!draftRounding.equals(Charge.ZERO)) {
            times.add(new MachineTime(MachineTime.Kind.ROUNDING, 0, -1, draftRounding));
        }
        return times;
    }

    private void addTime(List<MachineTime> times, MachineTime.Kind kind, long nanos,
            long microjoules) {
        if (nanos > 0) {
            times.add(time(kind, nanos, microjoules));
        }
    }

    private MachineTime time(MachineTime.Kind kind, long nanos, long microjoules) {
        return new MachineTime(kind, nanos, microjoules, rate.charge(nanos));
    }

    private RequestRow row(Account.Reading reading) {
        Account account = reading.account();
        TokenUsage usage = account.usage;
        return new RequestRow(account.request, usage.promptTokens(), usage.cachedTokens(),
                usage.completionTokens(), reading.computedTokens(), reading.prefillNanos(),
                reading.decodeNanos(), energy.of(account), rate.charge(reading.deviceNanos()),
                rate.assumed(), account.finishReason, account.detail, account.beganMillis,
                account.finishedMillis);
    }

    private OpenRow openRow(Account.Reading reading) {
        Account account = reading.account();
        return new OpenRow(account.request, reading.computedTokens(), reading.decodedTokens(),
                reading.prefillNanos(), reading.decodeNanos(), energy.of(account),
                rate.charge(reading.deviceNanos()), account.beganMillis);
    }

    private static long since(long now, long start) {
        return now < 0 || start < 0 ? -1 : now - start;
    }

    private static long windowOf(long millis) {
        return Math.floorDiv(millis, WINDOW_MILLIS) * WINDOW_MILLIS;
    }
}
