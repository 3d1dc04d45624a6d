package dev.millrace.server.metering;

import dev.millrace.engine.LaneReading;
import dev.millrace.engine.TokenUsage;
import dev.millrace.server.metering.rate.Charge;
import dev.millrace.server.metering.rate.CostModel;
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

    private final CostModel rate;
    private final EnergyBooks energy;
    /** The device's clock when the rate began. */
    private final long laneStartNanos;

    private long windowMillis;
    private Totals windowStart = new Totals(LaneReading.START, 0, 0, 0, 0, 0, 0, 0, 0);
    private Charge windowRounding = Charge.ZERO;
    /** What unrecorded time of earlier rates costs more (or less) than at this one. */
    private Charge windowDisowned = Charge.ZERO;

    private Totals draftTotals;
    private Charge draftRounding;

    /** Everything that only grows, as of one moment. Microjoules are -1 where not measured. */
    private record Totals(LaneReading lane, long recomputeNanos, long rejectedNanos,
            long unrecordedNanos, long idleMicrojoules, long overheadMicrojoules,
            long recomputeMicrojoules, long rejectedMicrojoules, long unrecordedMicrojoules) {}

    EpochBooks(CostModel rate, EnergyBooks energy, long nowMillis) {
        this(rate, energy, nowMillis, 0);
    }

    private EpochBooks(CostModel rate, EnergyBooks energy, long nowMillis, long laneStartNanos) {
        this.rate = rate;
        this.energy = energy;
        this.laneStartNanos = laneStartNanos;
        this.windowMillis = windowOf(nowMillis);
    }

    CostModel rate() {
        return rate;
    }

    /** In words, where energy comes from. */
    String energySource() {
        return energy.source();
    }

    /**
     * The change to another rate. The time up to now is charged at this one, but for the step that
     * the device is busy with: nobody knows yet whose it is, so the new rate begins where that step
     * began. What requests in progress have used is charged at this rate and carried over.
     *
     * @param ending all that this rate has to write
     * @param began  what the new rate begins with, which is what was carried over
     * @param next   the books of the new rate, once the ledger has both
     */
    record Turn(Posting ending, Posting began, EpochBooks next) {}

    /** Drafts a change of rate; nothing is different until the ledger took it. */
    Turn turn(AccountBook.Snapshot books, LaneReading lane, CostModel nextRate, long nowMillis) {
        Posting draft = draft(books, lane, nowMillis, false, false);
        List<MachineTime> times = new ArrayList<>(draft.times());
        times.removeIf(MachineTime::passing);
        Charge carried = books.unpaid().stream().map(reading -> reading.charge(rate))
                .reduce(Charge.ZERO, Charge::plus);
        long carriedNanos = books.unpaid().stream().mapToLong(Account.Reading::deviceNanos).sum();
        long boundaryNanos = lane.elapsedNanos() - inFlightNanos(books, lane);
        Posting ending = new Posting(nowMillis, boundaryNanos - laneStartNanos, windowMillis,
                draft.requests(), List.of(), times, draft.weights(), false);
        EpochBooks next = new EpochBooks(nextRate, energy, nowMillis, boundaryNanos);
        next.windowStart = draftTotals;
        Posting began = new Posting(nowMillis, 0, next.windowMillis, List.of(), List.of(),
                List.of(new MachineTime(MachineTime.Kind.OPEN, carriedNanos, -1, carried)),
                List.of(), false);
        return new Turn(ending, began, next);
    }

    /** The ledger took the turn: requests in progress owe what they have used at this rate. */
    void turned(AccountBook.Snapshot books) {
        for (Account.Reading reading : books.unpaid()) {
            reading.account().settled = reading.charge(rate);
            reading.account().settledNanos = reading.deviceNanos();
        }
    }

    private static long inFlightNanos(AccountBook.Snapshot books, LaneReading lane) {
        return Math.max(0, lane.stepNanos() - books.steps().toldNanos());
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
        Charge openCharge = Charge.ZERO;
        List<OpenRow> open = new ArrayList<>();
        for (Account.Reading reading : books.unpaid()) {
            openNanos += reading.deviceNanos();
            openCharge = openCharge.plus(reading.charge(rate));
            if (checkpoint && reading.deviceNanos() > reading.account().checkpointedNanos) {
                open.add(openRow(reading));
            }
        }
        draftTotals = totals(books, lane);
        List<MachineTime> times = windowTimes();
        times.add(new MachineTime(MachineTime.Kind.OPEN, openNanos, -1, openCharge));
        long inFlightNanos = last ? 0 : inFlightNanos(books, lane);
        times.add(time(MachineTime.Kind.IN_FLIGHT, inFlightNanos,
                energy.of(MachineTime.Kind.IN_FLIGHT)));
        return new Posting(nowMillis, lane.elapsedNanos() - laneStartNanos, windowMillis, requests,
                open, times, books.weights(), last);
    }

    /** The ledger took the last draft. A new hour starts where it ended, never an earlier one. */
    void posted(Posting posting) {
        windowRounding = draftRounding;
        long window = windowOf(posting.heartbeatMillis());
        if (window > windowMillis) {
            windowMillis = window;
            windowStart = draftTotals;
            windowRounding = Charge.ZERO;
            windowDisowned = Charge.ZERO;
        }
    }

    /** The account's time is unrecorded from now on: what it used at earlier rates keeps them. */
    void disown(Account account) {
        windowDisowned = windowDisowned.plus(account.settled)
                .minus(rate.charge(account.settledNanos));
    }

    private Totals totals(AccountBook.Snapshot books, LaneReading lane) {
        LaneSteps.Reading steps = books.steps();
        return new Totals(lane, steps.recomputeNanos(), steps.rejectedNanos(),
                steps.unrecordedNanos(), energy.of(MachineTime.Kind.IDLE),
                energy.of(MachineTime.Kind.OVERHEAD), energy.of(MachineTime.Kind.RECOMPUTE),
                energy.of(MachineTime.Kind.REJECTED), energy.of(MachineTime.Kind.UNRECORDED));
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
        addTime(times, MachineTime.Kind.REJECTED, now.rejectedNanos - start.rejectedNanos,
                since(now.rejectedMicrojoules, start.rejectedMicrojoules));
        long unrecordedNanos = now.unrecordedNanos - start.unrecordedNanos;
        if (unrecordedNanos > 0) {
            times.add(new MachineTime(MachineTime.Kind.UNRECORDED, unrecordedNanos,
                    since(now.unrecordedMicrojoules, start.unrecordedMicrojoules),
                    rate.charge(unrecordedNanos).plus(windowDisowned)));
        }
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
                reading.decodeNanos(), energy.of(account), reading.charge(rate),
                charged(account, reading.charge(rate)),
                account.limit.overrun(reading.charge(rate).nanoUsd()), account.settledNanos > 0,
                rate.assumed(), account.finishReason, account.detail,
                account.beganMillis,
                account.finishedMillis);
    }

    private OpenRow openRow(Account.Reading reading) {
        Account account = reading.account();
        return new OpenRow(account.request, reading.computedTokens(), reading.decodedTokens(),
                reading.prefillNanos(), reading.decodeNanos(), energy.of(account),
                reading.charge(rate), charged(account, reading.charge(rate)),
                account.beganMillis);
    }

    /** As rows have it: -1 where that is the cost. */
    private static long charged(Account account, Charge cost) {
        long chargedNanoUsd = account.limit.charged(cost.nanoUsd());
        return chargedNanoUsd == cost.nanoUsd() ? -1 : chargedNanoUsd;
    }

    private static long since(long now, long start) {
        return now < 0 || start < 0 ? -1 : now - start;
    }

    private static long windowOf(long millis) {
        return Math.floorDiv(millis, WINDOW_MILLIS) * WINDOW_MILLIS;
    }
}
