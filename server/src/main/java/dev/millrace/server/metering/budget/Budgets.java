package dev.millrace.server.metering.budget;

import dev.millrace.server.metering.LedgerException;
import dev.millrace.server.metering.budget.BudgetEvents.Kind;
import dev.millrace.server.metering.database.LedgerAddress;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The budgets as a server keeps to them. Money is set aside for a request in all budgets that cover
 * it or in none, and settled when its row is in the ledger, under one lock: what is spent and set
 * aside together is never more than a hard limit allowed at the time. Budgets are read again when
 * the last reading is a second old; what was spent is read once, when one comes into force, so that
 * a new start knows what the one before has spent. Safe to share between threads.
 */
public final class Budgets implements AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(Budgets.class);
    private static final Duration FRESH = Duration.ofSeconds(1);

    private final Optional<BudgetStore> store;
    private final Clock clock;
    private final BudgetEvents events;
    private final ReentrantLock reading = new ReentrantLock();
    private final ReentrantLock lock = new ReentrantLock();
    private final Map<Budget.Id, Tally> tallies = new LinkedHashMap<>();
    private final Map<String, Hold> running = new LinkedHashMap<>();
    private volatile long readNanos;

    /** What one request may cost at most. */
    public record Wanted(String requestId, long nanoUsd) {}

    /** Something to tell when the lock is free. */
    private record Event(Kind kind, BudgetStatus status) {}

    private Budgets(Optional<BudgetStore> store, Clock clock, BudgetEvents events) {
        this.store = store;
        this.clock = clock;
        this.events = events;
        read();
    }

    /** The budgets beside a ledger. @throws LedgerException if they cannot be read */
    public static Budgets open(LedgerAddress ledger, Clock clock, BudgetEvents events) {
        BudgetStore store = BudgetStore.open(ledger);
        try {
            return new Budgets(Optional.of(store), clock, events);
        } catch (RuntimeException e) {
            store.close();
            throw e;
        }
    }

    /** For a server whose money has no end. */
    public static Budgets none() {
        return new Budgets(Optional.empty(), Clock.systemUTC(), BudgetEvents.NOBODY);
    }

    /**
     * Sets money aside for requests that come together, or for none of them.
     *
     * @throws BudgetException if a budget has too little left
     */
    public List<Hold> reserve(Payer payer, List<Wanted> wanted) {
        readIfStale();
        long total = wanted.stream().mapToLong(Wanted::nanoUsd).reduce(0, Math::addExact);
        List<Event> happened = new ArrayList<>();
        lock.lock();
        try {
            Instant now = clock.instant();
            List<Tally> covering = covering(payer, now);
            for (Tally tally : covering) {
                if (tally.leftNanoUsd() < total) {
                    turnedAway(tally, now, happened);
                    throw new BudgetException(tally.status(now), total, now);
                }
            }
            covering.forEach(tally -> tally.setAside(total));
            boolean limited = covering.stream().anyMatch(Budgets::isHard);
            List<Hold> holds = wanted.stream().map(one -> new Hold(this, one.requestId(), payer,
                    limited, one.nanoUsd())).toList();
            holds.forEach(hold -> running.put(hold.requestId(), hold));
            return holds;
        } finally {
            lock.unlock();
            tell(happened);
        }
    }

    private static boolean isHard(Tally tally) {
        return tally.inForce() && tally.budget().hardNanoUsd().isPresent();
    }

    /** The tallies of the budgets that cover a payer, of the present period. */
    private List<Tally> covering(Payer payer, Instant now) {
        List<Tally> covering = new ArrayList<>();
        for (Tally tally : tallies.values()) {
            if (tally.budget().covers(payer)) {
                tally.roll(now);
                covering.add(tally);
            }
        }
        return covering;
    }

    private static void turnedAway(Tally tally, Instant now, List<Event> happened) {
        if (tally.hardReached()) {
            happened.add(new Event(Kind.EXHAUSTED, tally.status(now)));
        }
    }

    /** Sets aside what is wanted more, or what there is if that is enough. */
    boolean extend(Hold hold, long leastNanoUsd, long wantedNanoUsd) {
        List<Event> happened = new ArrayList<>();
        lock.lock();
        try {
            Instant now = clock.instant();
            List<Tally> covering = covering(hold.payer(), now);
            long granted = wantedNanoUsd;
            for (Tally tally : covering) {
                granted = Math.min(granted, tally.leftNanoUsd());
                if (granted < leastNanoUsd) {
                    turnedAway(tally, now, happened);
                    return false;
                }
            }
            for (Tally tally : covering) {
                tally.setAside(granted);
            }
            hold.grow(granted);
            return true;
        } finally {
            lock.unlock();
            tell(happened);
        }
    }

    /** A request's row is in the ledger. */
    void settle(Hold hold, long chargedNanoUsd, long finishedMillis) {
        List<Event> happened = new ArrayList<>();
        lock.lock();
        try {
            if (!hold.settleOnce()) {
                return;
            }
            running.remove(hold.requestId());
            Instant now = clock.instant();
            for (Tally tally : covering(hold.payer(), now)) {
                tally.giveBack(hold.nanoUsd());
                tally.charge(finishedMillis, chargedNanoUsd);
                if (tally.softReached()) {
                    happened.add(new Event(Kind.SOFT_LIMIT, tally.status(now)));
                }
                if (tally.forecastBeyond(now)) {
                    happened.add(new Event(Kind.FORECAST, tally.status(now)));
                }
            }
        } finally {
            lock.unlock();
            tell(happened);
        }
    }

    /** A request will not run. */
    void release(Hold hold) {
        settle(hold, 0, clock.millis());
    }

    private void tell(List<Event> happened) {
        happened.forEach(event -> events.tell(event.kind(), event.status()));
    }

    /** How every budget stands. */
    public List<BudgetStatus> statuses() {
        return statuses(budget -> true);
    }

    /** How those stand that cover a payer. */
    public List<BudgetStatus> statuses(Payer payer) {
        return statuses(budget -> budget.covers(payer));
    }

    private List<BudgetStatus> statuses(Predicate<Budget> wanted) {
        readIfStale();
        lock.lock();
        try {
            Instant now = clock.instant();
            List<BudgetStatus> statuses = new ArrayList<>();
            for (Tally tally : tallies.values()) {
                if (wanted.test(tally.budget()) && tally.inForce()) {
                    tally.roll(now);
                    statuses.add(tally.status(now));
                }
            }
            return statuses;
        } finally {
            lock.unlock();
        }
    }

    /** Sets a budget, which counts from now on. @throws IllegalArgumentException if too many */
    public void set(Budget budget) {
        requireStore().set(budget);
        read();
    }

    /** Removes a budget. @return whether there was one */
    public boolean remove(Budget.Id id) {
        boolean removed = requireStore().remove(id);
        read();
        return removed;
    }

    private BudgetStore requireStore() {
        return store.orElseThrow(() -> new IllegalStateException("these budgets are kept"
                + " nowhere"));
    }

    private void readIfStale() {
        if (store.isPresent() && System.nanoTime() - readNanos >= FRESH.toNanos()
                && reading.tryLock()) {
            try {
                read();
            } catch (LedgerException e) {
                LOG.error("the budgets as they were count: {}", e.getMessage());
            } finally {
                reading.unlock();
            }
        }
    }

    private void read() {
        reading.lock();
        try {
            readNanos = System.nanoTime();
            List<Tally> fresh = store.map(one -> take(one.list())).orElse(List.of());
            for (Tally tally : fresh) {
                BudgetStore.Spending spent = store.orElseThrow().spent(tally.budget(),
                        tally.began().toEpochMilli(), tally.createdAt().toEpochMilli(),
                        tally.burnWindowMillis(), tally.burnPieceMillis(), tally.before());
                lock.lock();
                try {
                    tally.enter(spent);
                } finally {
                    lock.unlock();
                }
            }
        } finally {
            reading.unlock();
        }
    }

    /** Takes the budgets as they are now. @return those whose spending is not known yet */
    private List<Tally> take(List<Budget> budgets) {
        List<Tally> fresh = new ArrayList<>();
        lock.lock();
        try {
            Instant now = clock.instant();
            tallies.keySet().retainAll(budgets.stream().map(Budget::id)
                    .collect(Collectors.toCollection(HashSet::new)));
            for (Budget budget : budgets) {
                Tally known = tallies.get(budget.id());
                if (known != null && known.inForce()
                        && known.budget().zone().equals(budget.zone())) {
                    known.limits(budget);
                    continue;
                }
                List<Hold> covered = running.values().stream()
                        .filter(hold -> budget.covers(hold.payer())).toList();
                Tally tally = new Tally(budget, now, covered.stream().map(Hold::requestId)
                        .collect(Collectors.toSet()),
                        covered.stream().mapToLong(Hold::nanoUsd).sum());
                tallies.put(budget.id(), tally);
                fresh.add(tally);
            }
            return fresh;
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void close() {
        store.ifPresent(BudgetStore::close);
    }
}
