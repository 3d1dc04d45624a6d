package dev.millrace.server.metering.budget;

import java.time.Instant;
import java.util.OptionalLong;

/**
 * How a budget stands.
 *
 * @param began               the present period
 * @param resets              when the next begins
 * @param spentNanoUsd        charged to requests that ended in this period
 * @param setAsideNanoUsd     for requests in progress
 * @param burnNanoUsdPerHour  what was spent per hour of late: of the last hour for a day's budget,
 *                            of the last day for a month's
 * @param forecastNanoUsd     what will have been spent at the period's end if that goes on
 */
public record BudgetStatus(Budget budget, Instant began, Instant resets, long spentNanoUsd,
        long setAsideNanoUsd, long burnNanoUsdPerHour, long forecastNanoUsd) {

    private static final double MILLIS_PER_HOUR = 3_600_000;

    /**
     * Works out the burn rate and where it leads.
     *
     * @param windowNanoUsd spent in the window of the burn rate
     */
    static BudgetStatus of(Budget budget, Instant began, Instant resets, Instant now,
            long spentNanoUsd, long setAsideNanoUsd, long windowNanoUsd) {
        double perMilli = (double) windowNanoUsd / budget.period().burnWindow().toMillis();
        long leftMillis = Math.max(0, resets.toEpochMilli() - now.toEpochMilli());
        return new BudgetStatus(budget, began, resets, spentNanoUsd, setAsideNanoUsd,
                Math.round(perMilli * MILLIS_PER_HOUR),
                spentNanoUsd + Math.round(perMilli * leftMillis));
    }

    /** What may still be spent, or set aside; empty without a hard limit. */
    public OptionalLong leftNanoUsd() {
        return budget.hardNanoUsd().isEmpty()
                ? OptionalLong.empty()
                : OptionalLong.of(Math.max(0, budget.hardNanoUsd().getAsLong() - spentNanoUsd
                        - setAsideNanoUsd));
    }

    /** Whether the soft limit is reached, counting what is set aside. */
    public boolean warns() {
        return budget.softNanoUsd().isPresent()
                && spentNanoUsd + setAsideNanoUsd >= budget.softNanoUsd().getAsLong();
    }
}
