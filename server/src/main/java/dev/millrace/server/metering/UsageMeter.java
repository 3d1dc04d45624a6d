package dev.millrace.server.metering;

import dev.millrace.engine.FinishedRequest;
import dev.millrace.engine.LaneReading;
import dev.millrace.engine.StepObserver;
import dev.millrace.engine.StepRecord;
import dev.millrace.server.metering.attribution.LearntWeights;
import dev.millrace.server.metering.attribution.LearntWeights.InForce;
import dev.millrace.server.metering.attribution.StepWeights;
import dev.millrace.server.metering.prices.Counterfactual;
import dev.millrace.server.metering.rate.CostModel;
import dev.millrace.server.metering.rate.RateSchedule;
import java.time.Clock;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps the books of a machine: shares every step's time among the requests in it, and brings each
 * finished request to the ledger exactly once. Safe to share between threads.
 *
 * <p>Receipts complete on the writer's thread: what depends on one must not block.
 */
public final class UsageMeter implements StepObserver, RequestMeter, AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(UsageMeter.class);

    private final UsageLedger ledger;
    private final AccountBook book;
    private final LedgerWriter writer;
    private final Thread thread;
    private final Clock clock;
    private final MeterLimits limits;
    private final InternalPrices prices;
    private final TokenTimes times;
    private final List<InForce> known;

    private UsageMeter(UsageLedger ledger, AccountBook book, LedgerWriter writer, Clock clock,
            MeterLimits limits, InternalPrices prices, TokenTimes times, List<InForce> known) {
        this.ledger = ledger;
        this.book = book;
        this.writer = writer;
        this.clock = clock;
        this.limits = limits;
        this.prices = prices;
        this.times = times;
        this.known = known;
        this.thread = Thread.ofPlatform().name("ledger-writer").daemon().unstarted(writer);
    }

    /** Starts metering with the system's clock and the usual limits; see the full form. */
    public static UsageMeter start(UsageLedger ledger, RateSchedule rates, StepWeights weights,
            Supplier<LaneReading> lane, EnergySource energy) {
        return start(ledger, rates, Counterfactual.NONE, weights, lane, energy);
    }

    /** The same, pricing every request elsewhere too. */
    public static UsageMeter start(UsageLedger ledger, RateSchedule rates,
            Counterfactual elsewhere, StepWeights weights, Supplier<LaneReading> lane,
            EnergySource energy) {
        return start(ledger, rates, elsewhere, InternalPrices.AT_COST, weights, lane, energy,
                Clock.systemUTC(), MeterLimits.DEFAULT);
    }

    /** The full form without prices elsewhere. */
    public static UsageMeter start(UsageLedger ledger, RateSchedule rates, StepWeights weights,
            Supplier<LaneReading> lane, EnergySource energy, Clock clock, MeterLimits limits) {
        return start(ledger, rates, Counterfactual.NONE, InternalPrices.AT_COST, weights, lane,
                energy, clock, limits);
    }

    /**
     * Begins a session in the ledger and starts the writer. The session reaches back to the opening
     * of the lane, so that loading and warming up are on the books.
     *
     * @param ledger  closed together with the meter
     * @param rates   what the machine costs, at any time
     * @param elsewhere where every request is priced too
     * @param prices  what teams are charged
     * @param weights how steps are shared that come without a model; see {@link #steps}
     * @param lane    the device's clock, or that of all devices side by side; one lane belongs to
     *                one meter from its opening on
     * @param energy  the machine's energy counter, or {@link EnergySource#NONE}
     * @throws LedgerException if the session cannot be begun
     */
    public static UsageMeter start(UsageLedger ledger, RateSchedule rates, Counterfactual elsewhere,
            InternalPrices prices, StepWeights weights, Supplier<LaneReading> lane,
            EnergySource energy, Clock clock, MeterLimits limits) {
        long nowMillis = clock.millis();
        long beganMillis = nowMillis - lane.get().elapsedNanos() / 1_000_000;
        CostModel rate = rates.at(clock.instant());
        ledger.begin(beganMillis, nowMillis, rate, limits.checkpoint().toMillis());
        ledger.energyFrom(energy.description());
        AccountBook book = new AccountBook(weights);
        book.price(rate);
        TokenTimes times = new TokenTimes();
        ledger.recentTimes(times);
        EpochBooks epoch = new EpochBooks(rate, new EnergyBooks(energy), nowMillis);
        UsageMeter meter = new UsageMeter(ledger, book,
                new LedgerWriter(book, ledger, rates, elsewhere, epoch, lane, clock, limits, times),
                clock, limits, prices, times, ledger.latestWeights());
        meter.thread.start();
        return meter;
    }

    /**
     * {@inheritDoc}
     *
     * @throws LedgerException          if so many requests wait for a ledger that cannot be written
     *                                  that no more may run; try again later
     * @throws IllegalArgumentException if the id is open already
     * @throws IllegalStateException    if the meter is closed
     */
    @Override
    public CompletableFuture<Receipt> open(MeteredRequest request, Allowance allowance) {
        if (limits.stopsAtOutage() && writer.failing()) {
            throw new LedgerException("the ledger " + ledger.address() + " cannot be written, and"
                    + " ledger_outage says to take no requests meanwhile; try again later");
        }
        Account account = new Account(request, new SpendingLimit(allowance,
                prices.ppmOf(MeteredRequest.priceOf(request.endpoint(), request.tier()))),
                clock.millis());
        if (!book.open(account, limits.accounts())) {
            throw new LedgerException(limits.accounts() + " requests are open or wait for the"
                    + " ledger " + ledger.address()
                    + "; no more can be metered now, try again later");
        }
        return account.receipt;
    }

    @Override
    public void refuse(String requestId, String reason) {
        if (!book.refuse(requestId, reason, clock.millis())) {
            throw new IllegalStateException("request " + requestId + " is not open");
        }
    }

    @Override
    public void onStep(StepRecord step) {
        book.record(step);
    }

    /**
     * The observer of one model's engine. Its steps are shared by weights that are learnt from
     * them, and that begin where they were when the model last ran on this device.
     *
     * @param device   what the model runs on
     * @param expected to begin with where it never ran
     */
    public StepObserver steps(String model, String device, StepWeights expected) {
        return steps(model, List.of(device), expected).getFirst();
    }

    /**
     * The observers of a model's engines on several lanes. Those on devices of one name learn the
     * same weights together.
     *
     * @param devices what runs the model, by lane
     */
    public List<StepObserver> steps(String model, List<String> devices, StepWeights expected) {
        List<StepObserver> observers = new ArrayList<>();
        Map<String, LearntPair> pairs = new HashMap<>();
        for (int lane = 0; lane < devices.size(); lane++) {
            LearntPair pair = pairs.computeIfAbsent(devices.get(lane), device -> new LearntPair(
                    learnt(model, device, false, expected), learnt(model, device, true, expected)));
            book.learn(pair.own(), lane);
            book.learn(pair.draft(), lane);
            observers.add(new LaneObserver(pair, lane));
        }
        return observers;
    }

    /** What is learnt of a model's steps, and of its draft's. */
    private record LearntPair(LearntWeights own, LearntWeights draft) {}

    /** Takes the steps of a lane. */
    private final class LaneObserver implements StepObserver {

        private final LearntPair learnt;
        private final int lane;

        LaneObserver(LearntPair learnt, int lane) {
            this.learnt = learnt;
            this.lane = lane;
        }

        @Override
        public void onStep(StepRecord step) {
            book.record(step, step.drafts() ? learnt.draft() : learnt.own(), lane);
        }

        @Override
        public void onFinished(FinishedRequest request) {
            UsageMeter.this.onFinished(request);
        }
    }

    private LearntWeights learnt(String model, String device, boolean drafts,
            StepWeights expected) {
        Optional<StepWeights> known = known(model, device, drafts);
        return new LearntWeights(model, device, drafts, known.orElse(expected),
                known.isPresent());
    }

    private Optional<StepWeights> known(String model, String device, boolean drafts) {
        return known.stream().filter(old -> old.model().equals(model)
                && old.device().equals(device) && old.drafts() == drafts && old.steps() > 0)
                .map(InForce::weights).findFirst();
    }

    @Override
    public void onFinished(FinishedRequest request) {
        if (!book.finish(request, clock.millis())) {
            LOG.warn("request {} finished without an account; its time is unrecorded",
                    request.requestId());
        }
    }

    /** What tokens have taken here of late. */
    public TokenTimes tokenTimes() {
        return times;
    }

    /** What is going on, for metrics. */
    public MeterStatus status() {
        return writer.status();
    }

    /**
     * Writes everything down and ends the session; close the engine first. Requests that are still
     * open end as interrupted.
     *
     * @throws LedgerException if the ledger cannot be written within
     *                         {@link MeterLimits#closeWait}; says how many requests it lacks
     */
    @Override
    public void close() {
        book.close(clock.millis());
        boolean written = false;
        try {
            written = thread.join(limits.closeWait());
            if (!written) {
                thread.interrupt();
                thread.join();
            }
        } catch (InterruptedException e) {
            thread.interrupt();
            Thread.currentThread().interrupt();
        } finally {
            ledger.close();
        }
        if (!written) {
            LedgerException failure = new LedgerException(book.unpaidAccounts()
                    + " requests are not in the ledger " + ledger.address()
                    + ": it could not be written for " + limits.closeWait().toSeconds()
                    + " s; the next start books their time as of the last checkpoint");
            for (Account account : book.waitingLongerThan(-1)) {
                account.receipt.completeExceptionally(failure);
            }
            throw failure;
        }
    }
}
