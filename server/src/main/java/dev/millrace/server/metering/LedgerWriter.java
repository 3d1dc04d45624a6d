package dev.millrace.server.metering;

import dev.millrace.engine.LaneReading;
import dev.millrace.server.metering.prices.Counterfactual;
import dev.millrace.server.metering.rate.CostModel;
import dev.millrace.server.metering.rate.RateSchedule;
import java.time.Clock;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The one thread that writes the ledger. Finished requests are written as soon as it is free, as
 * many as there are in one transaction, and their receipts completed after the commit; a checkpoint
 * follows every second.
 *
 * <p>If the ledger cannot be written (a full disk, a lock), it tries again with growing pauses and
 * everything stays in the {@link AccountBook}; receipts that wait too long fail, the rows do not.
 * Once {@link MeterLimits#accounts} requests wait, no more are opened: serving stops before
 * anything goes unrecorded.
 */
final class LedgerWriter implements Runnable {

    private static final Logger LOG = LoggerFactory.getLogger(LedgerWriter.class);
    private static final Duration FIRST_PAUSE = Duration.ofMillis(50);
    private static final Duration LONGEST_PAUSE = Duration.ofSeconds(1);
    private static final Duration RETENTION = Duration.ofMinutes(1);
    /** What a clock that is set right may move by. */
    private static final long CLOCK_MILLIS = TimeUnit.HOURS.toMillis(1);

    private final AccountBook book;
    private final UsageLedger ledger;
    private final RateSchedule rates;
    private final Counterfactual elsewhere;
    private final Supplier<LaneReading> lane;
    private final Clock clock;
    private final MeterLimits limits;
    private final TokenTimes times;
    private final LongAdder overrunNanoUsd = new LongAdder();

    private final AtomicLong postings = new AtomicLong();
    private final AtomicLong failedPostings = new AtomicLong();
    private final AtomicLong failedReceipts = new AtomicLong();
    private volatile boolean failing;
    private EpochBooks epoch;
    private long earlierBillNanoUsd;
    private long paidNanoUsd;
    private volatile double allocationFactor = Double.NaN;
    private long nextCheckpoint = System.nanoTime();
    private long nextRetention = System.nanoTime();
    private final long startedMillis;
    private boolean done;

    LedgerWriter(AccountBook book, UsageLedger ledger, RateSchedule rates, Counterfactual elsewhere,
            EpochBooks epoch, Supplier<LaneReading> lane, Clock clock, MeterLimits limits,
            TokenTimes times) {
        this.book = book;
        this.ledger = ledger;
        this.rates = rates;
        this.elsewhere = elsewhere;
        this.epoch = epoch;
        this.lane = lane;
        this.clock = clock;
        this.limits = limits;
        this.startedMillis = clock.millis();
        this.times = times;
    }

    @Override
    public void run() {
        long failures = 0;
        while (!done) {
            try {
                book.awaitWork(nextCheckpoint - System.nanoTime());
                CostModel rate = rates.at(clock.instant());
                if (!rate.equals(epoch.rate())) {
                    turn(rate);
                }
                post();
                failures = 0;
                failing = false;
            } catch (InterruptedException e) {
                done = true; // close() has waited long enough
            } catch (DuplicateRequestException e) {
                LOG.error("{}; its time is on the books as unrecorded", e.getMessage());
                disown(e);
            } catch (RuntimeException | Error e) { // without this thread nothing would be paid
                failures++;
                failed(failures, e);
            }
        }
    }

    /** Charges what was used so far at the rate of so far. */
    private void turn(CostModel rate) {
        AccountBook.Snapshot books = book.snapshot(limits.postingRows());
        EpochBooks.Turn turn = epoch.turn(books, lane.get(), rate, clock.millis());
        ledger.turn(turn);
        postings.incrementAndGet();
        epoch.turned(books);
        allocate(turn.ending(), turn.began());
        earlierBillNanoUsd += epoch.rate().charge(turn.ending().laneNanos()).nanoUsd();
        epoch = turn.next();
        book.price(epoch.rate());
        pay(books, turn.ending());
    }

    /** What a dollar of use costs by now, once idle time and the like are shared out. */
    private void allocate(Posting posting, Posting carried) {
        long billNanoUsd = earlierBillNanoUsd
                + epoch.rate().charge(posting.laneNanos()).nanoUsd();
        paidNanoUsd += posting.requests().stream().mapToLong(row -> row.charge().nanoUsd()).sum();
        long usedNanoUsd = paidNanoUsd + carried.times().stream()
                .filter(time -> time.kind() == MachineTime.Kind.OPEN)
                .mapToLong(time -> time.charge().nanoUsd()).sum();
        allocationFactor = usedNanoUsd == 0 ? Double.NaN : (double) billNanoUsd / usedNanoUsd;
    }

    /** Drops what the ledger has and completes its receipts. */
    private void pay(AccountBook.Snapshot books, Posting posting) {
        book.paid(books.paying().size());
        book.saved(posting.weights());
        for (int i = 0; i < posting.requests().size(); i++) {
            Account account = books.paying().get(i).account();
            RequestRow row = posting.requests().get(i);
            times.add(row.request().model(), row.computedTokens(), row.prefillNanos(),
                    row.completionTokens(), row.decodeNanos());
            overrunNanoUsd.add(row.overrunNanoUsd());
            account.limit.allowance().settle(row.charged(), row.finishedMillis());
            account.receipt.complete(row.receipt(allocationFactor, elsewhere,
                    epoch.energySource()));
        }
    }

    /** Writes what there is now. */
    private void post() {
        boolean checkpoint = System.nanoTime() - nextCheckpoint >= 0;
        AccountBook.Snapshot books = book.snapshot(limits.postingRows());
        boolean last = books.closing() && books.unpaid().isEmpty();
        Posting posting = epoch.draft(books, lane.get(), clock.millis(), checkpoint, last);
        ledger.append(posting);
        postings.incrementAndGet();
        epoch.posted(posting);
        if (checkpoint) {
            for (Account.Reading reading : books.unpaid()) {
                reading.account().checkpointedNanos = reading.deviceNanos();
            }
            nextCheckpoint = System.nanoTime() + limits.checkpoint().toNanos();
        }
        allocate(posting, posting);
        pay(books, posting);
        done = last;
        if (checkpoint && !last) {
            retain();
        }
    }

    /** Drops a part of what is old; it comes again at once where there is more. */
    private void retain() {
        if (System.nanoTime() - nextRetention < 0) {
            return;
        }
        // a wall clock that jumped ahead must not make everything look old
        long nowMillis = Math.min(clock.millis(), startedMillis
                + TimeUnit.NANOSECONDS.toMillis(lane.get().elapsedNanos()) + CLOCK_MILLIS);
        try {
            int dropped = ledger.drop(limits.keptDays() == 0
                    ? 0
                    : nowMillis - TimeUnit.DAYS.toMillis(limits.keptDays()), nowMillis);
            nextRetention = System.nanoTime() + (dropped > 0 ? 0 : RETENTION.toNanos());
        } catch (LedgerException e) {
            LOG.warn("old rows are kept for now: {}", e.getMessage());
            nextRetention = System.nanoTime() + RETENTION.toNanos();
        }
    }

    private void disown(DuplicateRequestException duplicate) {
        Account account = book.disown(duplicate.requestId());
        epoch.disown(account);
        account.limit.allowance().settle(0, account.finishedMillis);
        account.receipt.completeExceptionally(new LedgerException(duplicate.getMessage(),
                duplicate));
        try {
            ledger.forgetOpen(duplicate.requestId());
        } catch (LedgerException e) {
            LOG.warn("the checkpoint of {} stays behind: {}", duplicate.requestId(),
                    e.getMessage());
        }
    }

    private void failed(long failures, Throwable failure) {
        failing = true;
        failedPostings.incrementAndGet();
        if (Long.bitCount(failures) == 1) {
            LOG.error("attempt {} failed, {} finished requests wait: {}", failures,
                    book.unpaidAccounts(), failure.getMessage(),
                    failure instanceof LedgerException ? null : failure);
        }
        for (Account account : book.waitingLongerThan(limits.receiptWait().toNanos())) {
            boolean told = account.receipt.completeExceptionally(new LedgerException("request "
                    + account.request.requestId() + " ran, but the ledger could not be written for "
                    + limits.receiptWait().toSeconds() + " s (" + failure.getMessage()
                    + "); its row is written when it can be", failure));
            failedReceipts.addAndGet(told ? 1 : 0);
        }
        long pause = Math.min(LONGEST_PAUSE.toMillis(),
                FIRST_PAUSE.toMillis() << Math.min(failures - 1, 10));
        try {
            TimeUnit.MILLISECONDS.sleep(pause);
        } catch (InterruptedException e) {
            done = true;
        }
    }

    /** Whether the last attempt failed. */
    boolean failing() {
        return failing;
    }

    MeterStatus status() {
        LaneSteps.Reading steps = book.snapshot(0).steps();
        return new MeterStatus(book.openAccounts(), book.unpaidAccounts(), postings.get(),
                failedPostings.get(), failedReceipts.get(), steps.unrecordedNanos(),
                steps.recomputeNanos(), steps.rejectedNanos(), allocationFactor,
                overrunNanoUsd.sum());
    }
}
