package dev.millrace.server.metering.budget;

/**
 * Whoever wants to know when a budget needs somebody's attention; once for each in a period. Called
 * by threads that must not wait.
 */
public interface BudgetEvents {

    /** Tells nobody. */
    BudgetEvents NOBODY = (kind, status) -> {};

    /** What there is to tell. */
    enum Kind {
        /** So much is spent as the soft limit says. */
        SOFT_LIMIT,
        /** A request was turned away, or ended early, for want of money. */
        EXHAUSTED,
        /** If it goes on like this, the hard limit will be reached before the period is over. */
        FORECAST
    }

    void tell(Kind kind, BudgetStatus status);
}
