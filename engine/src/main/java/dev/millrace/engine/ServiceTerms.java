package dev.millrace.engine;

import java.time.Duration;
import java.util.Objects;
import java.util.concurrent.TimeUnit;

/**
 * When a request is to be served.
 *
 * @param tier      how urgent it is
 * @param priority  within its tier and fairness group, lower goes first; by one step it counts as
 *                  {@link #PRIORITY_STEP} later, so that nothing waits forever
 * @param timeLimit from submission to the end; what is there then is the answer. Zero for no limit
 */
public record ServiceTerms(ServiceTier tier, int priority, Duration timeLimit) {

    /** The largest priority; the least is its negative. */
    public static final int MOST_PRIORITY = 100;
    /** What a step of priority is worth: all of them together are less than a tier. */
    public static final Duration PRIORITY_STEP = Duration.ofSeconds(2);

    /** For a request that says nothing about it. */
    public static final ServiceTerms STANDARD = new ServiceTerms(ServiceTier.DEFAULT, 0,
            Duration.ZERO);

    public ServiceTerms {
        Objects.requireNonNull(tier, "tier");
        if (priority < -MOST_PRIORITY || priority > MOST_PRIORITY) {
            throw new IllegalArgumentException("priority must be between " + -MOST_PRIORITY
                    + " and " + MOST_PRIORITY + ", got " + priority);
        }
        if (timeLimit.isNegative()) {
            throw new IllegalArgumentException("timeLimit must not be negative: " + timeLimit);
        }
    }

    /** The same with another limit. */
    public ServiceTerms within(Duration limit) {
        return new ServiceTerms(tier, priority, limit);
    }

    /** Whether there is a limit at all. */
    public boolean limited() {
        return !timeLimit.isZero();
    }

    /** How much later than it was submitted a request takes its turn. */
    long delayNanos() {
        return tier.delayNanos() + priority * TimeUnit.SECONDS.toNanos(PRIORITY_STEP.toSeconds());
    }
}
