package dev.millrace.server.metering.budget;

import dev.millrace.server.metering.Allowance;

/**
 * Money set aside for one request of one payer. Somebody must open an account with it, or
 * {@link #drop} it. {@link Budgets} guards the amount.
 */
public final class Hold implements Allowance {

    private static final Runnable NOTHING = () -> {};

    private final Budgets budgets;
    private final String requestId;
    private final Payer payer;
    private final boolean limited;
    private volatile long nanoUsd;
    private volatile boolean used;
    private boolean settled;
    private boolean exhausted;
    private Runnable end = NOTHING;

    Hold(Budgets budgets, String requestId, Payer payer, boolean limited, long nanoUsd) {
        this.budgets = budgets;
        this.requestId = requestId;
        this.payer = payer;
        this.limited = limited;
        this.nanoUsd = nanoUsd;
    }

    String requestId() {
        return requestId;
    }

    Payer payer() {
        return payer;
    }

    @Override
    public boolean limited() {
        return limited;
    }

    @Override
    public long nanoUsd() {
        return nanoUsd;
    }

    void grow(long more) {
        nanoUsd = Math.addExact(nanoUsd, more);
    }

    /** Whether this is the first time that it is settled. */
    boolean settleOnce() {
        boolean first = !settled;
        settled = true;
        return first;
    }

    @Override
    public boolean extend(long leastNanoUsd, long wantedNanoUsd) {
        return budgets.extend(this, leastNanoUsd, wantedNanoUsd);
    }

    @Override
    public void settle(long chargedNanoUsd, long finishedMillis) {
        budgets.settle(this, chargedNanoUsd, finishedMillis);
    }

    /** An account is opened with it, which settles it. */
    public void use() {
        used = true;
    }

    /** Gives everything back if no account was opened with it. */
    public void drop() {
        if (!used) {
            budgets.release(this);
        }
    }

    @Override
    public void exhausted() {
        Runnable ending;
        synchronized (this) {
            exhausted = true;
            ending = end;
        }
        ending.run();
    }

    /** Whether the request was ended because there was no more money. */
    public synchronized boolean isExhausted() {
        return exhausted;
    }

    /** How the request can be ended; at once if its money is gone already. */
    public void endsBy(Runnable ending) {
        boolean now;
        synchronized (this) {
            end = ending;
            now = exhausted;
        }
        if (now) {
            ending.run();
        }
    }
}
