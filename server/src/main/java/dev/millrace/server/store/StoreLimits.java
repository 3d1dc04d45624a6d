package dev.millrace.server.store;

import java.time.Duration;

/**
 * How much of what clients leave is kept, and for how long.
 *
 * @param retention     from when something was stored; what continues it keeps it longer
 * @param tenantBytes   of one tenant's responses; beyond it the oldest go
 * @param historyBytes  of the items that one response continues
 * @param historyLength responses that one response continues
 */
public record StoreLimits(Duration retention, long tenantBytes, long historyBytes,
        int historyLength) {

    /** What one response may continue: as much as a request may bring. */
    private static final long HISTORY_BYTES = 4L << 20;
    private static final int HISTORY_LENGTH = 4096;

    public StoreLimits {
        if (!retention.isPositive() || tenantBytes < 1 || historyBytes < 1 || historyLength < 1) {
            throw new IllegalArgumentException("every limit of a store must be positive, got "
                    + retention + ", " + tenantBytes + ", " + historyBytes + " and "
                    + historyLength);
        }
    }

    /** These, and what is usual for the rest. */
    public static StoreLimits of(Duration retention, long tenantBytes) {
        return new StoreLimits(retention, tenantBytes, HISTORY_BYTES, HISTORY_LENGTH);
    }
}
