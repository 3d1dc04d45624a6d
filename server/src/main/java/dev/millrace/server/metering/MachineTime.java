package dev.millrace.server.metering;

import dev.millrace.server.metering.rate.Charge;
import java.util.Locale;

/**
 * Time of the machine that no request's row holds.
 *
 * @param microjoules energy, or -1 where none was measured
 */
record MachineTime(Kind kind, long nanos, long microjoules, Charge charge) {

    /** Whether it is what it is only for now: the row of a moment, replaced by every posting. */
    boolean passing() {
        return kind == Kind.OPEN || kind == Kind.IN_FLIGHT;
    }

    /** What the time went on; the ledger has the names in lower case. */
    enum Kind {
        /** The device waited for work. */
        IDLE,
        /** The device loaded and warmed up. */
        OVERHEAD,
        /** Tokens were computed again after preemption. */
        RECOMPUTE,
        /** Tokens were guessed ahead that the model did not say. */
        REJECTED,
        /** No server ran. */
        OFFLINE,
        /** Step time that has no request to its name: what a crash or an unknown request left. */
        UNRECORDED,
        /** Parts of nano-dollars that requests' rows cannot hold; no time. */
        ROUNDING,
        /** Used so far by requests in progress; only while a session runs. */
        OPEN,
        /** A step that the device is busy with and that nobody was told of yet; as above. */
        IN_FLIGHT;

        String sqlName() {
            return name().toLowerCase(Locale.ROOT);
        }
    }
}
