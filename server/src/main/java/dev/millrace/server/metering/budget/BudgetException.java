package dev.millrace.server.metering.budget;

import java.time.Duration;
import java.time.Instant;

/** A request may cost more than a budget has left. */
public final class BudgetException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    private final transient BudgetStatus status;
    private final long wantedNanoUsd;
    private final Duration untilReset;

    /** @param wantedNanoUsd what the request may cost at most */
    BudgetException(BudgetStatus status, long wantedNanoUsd, Instant now) {
        super("the budget of " + status.budget().label() + " is "
                + Dollars.text(status.budget().hardNanoUsd().orElseThrow()) + " USD: "
                + Dollars.text(status.spentNanoUsd()) + " USD are spent, "
                + Dollars.text(status.setAsideNanoUsd())
                + " USD are set aside for requests that run, "
                + Dollars.text(status.leftNanoUsd().orElseThrow())
                + " USD are left, and this request may cost " + Dollars.text(wantedNanoUsd)
                + " USD; ask for fewer tokens (max_tokens), or wait until " + status.resets());
        this.status = status;
        this.wantedNanoUsd = wantedNanoUsd;
        this.untilReset = Duration.between(now, status.resets());
    }

    /** How the budget stands. */
    public BudgetStatus status() {
        return status;
    }

    public long wantedNanoUsd() {
        return wantedNanoUsd;
    }

    /** Until the budget's next period begins. */
    public Duration untilReset() {
        return untilReset;
    }
}
