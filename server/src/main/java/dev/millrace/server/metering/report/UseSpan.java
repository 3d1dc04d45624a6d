package dev.millrace.server.metering.report;

import java.util.concurrent.TimeUnit;

/** For which lengths of time the ledger keeps what requests add up to. */
public enum UseSpan {
    /** For the latest hours only. */
    MINUTE(TimeUnit.MINUTES.toMillis(1)),
    HOUR(TimeUnit.HOURS.toMillis(1)),
    /** From midnight, UTC. */
    DAY(TimeUnit.DAYS.toMillis(1));

    private final long millis;

    UseSpan(long millis) {
        this.millis = millis;
    }

    /** How long it is. */
    public long millis() {
        return millis;
    }

    /** When the span begins that a moment is in. */
    public long from(long moment) {
        return Math.floorDiv(moment, millis) * millis;
    }

    /** When the first span begins that begins at a moment or later. */
    public long atOrAfter(long moment) {
        return Math.ceilDiv(moment, millis) * millis;
    }
}
