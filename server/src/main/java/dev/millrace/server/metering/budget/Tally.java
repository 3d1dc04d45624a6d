package dev.millrace.server.metering.budget;

import java.time.Instant;
import java.util.HashSet;
import java.util.Set;

/** What is spent and set aside of one budget in the present period. {@link Budgets} guards it. */
final class Tally {

    private Budget budget;
    private final BurnRate burn;
    private final Instant createdAt;
    /** Requests that ran when this began: they are settled here, whatever the ledger has. */
    private final Set<String> before;
    private Instant began;
    private Instant resets;
    private long spentNanoUsd;
    private long setAsideNanoUsd;
    private boolean inForce;
    private boolean softTold;
    private boolean hardTold;
    private boolean forecastTold;

    Tally(Budget budget, Instant now, Set<String> running, long setAsideNanoUsd) {
        this.budget = budget;
        this.createdAt = now;
        this.before = new HashSet<>(running);
        this.burn = new BurnRate(budget.period().burnWindow());
        this.setAsideNanoUsd = setAsideNanoUsd;
        this.began = budget.period().start(now, budget.zone());
        this.resets = budget.period().end(now, budget.zone());
    }

    Budget budget() {
        return budget;
    }

    /** The limits may change while it runs; whose they are, when they begin and where do not. */
    void limits(Budget changed) {
        if (!changed.equals(budget)) {
            budget = changed;
            softTold = false;
            hardTold = false;
            forecastTold = false;
        }
    }

    Instant began() {
        return began;
    }

    Instant createdAt() {
        return createdAt;
    }

    Set<String> before() {
        return before;
    }

    boolean inForce() {
        return inForce;
    }

    /** The ledger's part has been added up: from now on the budget bounds. */
    void enter(BudgetStore.Spending ledger) {
        spentNanoUsd += ledger.nanoUsd();
        ledger.pieces().forEach(burn::add);
        inForce = true;
    }

    long burnWindowMillis() {
        return burn.windowMillis();
    }

    long burnPieceMillis() {
        return burn.pieceMillis();
    }

    /** Begins the next period if this one is over. A clock that goes backwards changes nothing. */
    void roll(Instant now) {
        if (!now.isBefore(resets)) {
            began = budget.period().start(now, budget.zone());
            resets = budget.period().end(now, budget.zone());
            spentNanoUsd = 0;
            softTold = false;
            hardTold = false;
            forecastTold = false;
        }
    }

    /** What may still be set aside; without end where there is no hard limit in force. */
    long leftNanoUsd() {
        return !inForce || budget.hardNanoUsd().isEmpty()
                ? Long.MAX_VALUE
                : budget.hardNanoUsd().getAsLong() - spentNanoUsd - setAsideNanoUsd;
    }

    void setAside(long nanoUsd) {
        setAsideNanoUsd = Math.addExact(setAsideNanoUsd, nanoUsd);
    }

    void giveBack(long nanoUsd) {
        setAsideNanoUsd -= nanoUsd;
    }

    /** Something was charged; it counts in the period in which the request ended. */
    void charge(long atMillis, long nanoUsd) {
        if (atMillis >= began.toEpochMilli()) {
            spentNanoUsd = Math.addExact(spentNanoUsd, nanoUsd);
        }
        burn.add(atMillis, nanoUsd);
    }

    BudgetStatus status(Instant now) {
        return BudgetStatus.of(budget, began, resets, now, spentNanoUsd, setAsideNanoUsd,
                burn.spent(now.toEpochMilli()));
    }

    /** Whether the soft limit is reached for the first time in this period. */
    boolean softReached() {
        boolean reached = inForce && !softTold && budget.softNanoUsd().isPresent()
                && spentNanoUsd >= budget.softNanoUsd().getAsLong();
        softTold |= reached;
        return reached;
    }

    /** Whether the hard limit turns somebody away for the first time in this period. */
    boolean hardReached() {
        boolean first = !hardTold;
        hardTold = true;
        return first;
    }

    /** Whether the forecast is beyond the hard limit for the first time in this period. */
    boolean forecastBeyond(Instant now) {
        boolean beyond = inForce && !forecastTold && budget.hardNanoUsd().isPresent()
                && status(now).forecastNanoUsd() > budget.hardNanoUsd().getAsLong();
        forecastTold |= beyond;
        return beyond;
    }
}
