package dev.millrace.server.metering;

import java.time.Duration;

/**
 * The meter's named limits.
 *
 * @param accounts       most requests open or not yet in the ledger; beyond it none is opened
 * @param postingRows    most requests in one transaction
 * @param checkpoint     time between checkpoints: the most that a crash can cost
 * @param receiptWait    how long a finished request may wait for its row before its receipt fails;
 *                       the row is written all the same as soon as the ledger can be written again
 * @param closeWait      how long the end of the session may wait for a ledger that cannot be
 *                       written
 * @param stopsAtOutage  whether no request is opened while the ledger cannot be written
 * @param keptDays       days that requests' rows are kept before they are rolled up; 0 for good
 */
public record MeterLimits(int accounts, int postingRows, Duration checkpoint, Duration receiptWait,
        Duration closeWait, boolean stopsAtOutage, int keptDays) {

    /** Least days that rows can be kept: budgets add up those of a month. */
    public static final int LEAST_KEPT_DAYS = 35;

    /** Most requests that can be open or not yet in the ledger. */
    public static final int MOST_ACCOUNTS = StepApportioner.MOST_PARTIES / 2;

    public static final MeterLimits DEFAULT = new MeterLimits(30_000, 1_000, Duration.ofSeconds(1),
            Duration.ofSeconds(10), Duration.ofSeconds(10));

    /** Limits of a server that serves on. */
    public MeterLimits(int accounts, int postingRows, Duration checkpoint, Duration receiptWait,
            Duration closeWait) {
        this(accounts, postingRows, checkpoint, receiptWait, closeWait, false, 0);
    }

    /** The same but for what happens while the ledger cannot be written. */
    public MeterLimits atOutage(int mostAccounts, boolean stops) {
        return new MeterLimits(mostAccounts, postingRows, checkpoint, receiptWait, closeWait,
                stops, keptDays);
    }

    /** The same but for how long requests' rows are kept. */
    public MeterLimits keeping(int days) {
        return new MeterLimits(accounts, postingRows, checkpoint, receiptWait, closeWait,
                stopsAtOutage, days);
    }

    public MeterLimits {
        if (accounts < 1 || accounts > MOST_ACCOUNTS) {
            throw new IllegalArgumentException("accounts must be between 1 and "
                    + MOST_ACCOUNTS + ", got " + accounts);
        }
        if (keptDays != 0 && keptDays < LEAST_KEPT_DAYS) {
            throw new IllegalArgumentException("keptDays must be 0 or at least "
                    + LEAST_KEPT_DAYS + ", got " + keptDays);
        }
        if (postingRows < 1) {
            throw new IllegalArgumentException("postingRows must be at least 1, got "
                    + postingRows);
        }
        if (checkpoint.compareTo(Duration.ofMillis(10)) < 0) {
            throw new IllegalArgumentException("checkpoint must be at least 10 ms, got "
                    + checkpoint);
        }
    }
}
