package dev.millrace.server.metering;

import dev.millrace.server.metering.prices.Alternative;
import java.util.List;

/**
 * What one request cost, as the ledger has it.
 *
 * @param costNanoUsd  what it cost, in 1e-9 US dollars
 * @param prefillNanos device time of its prompt
 * @param decodeNanos  device time of its completion
 * @param microjoules  energy, or -1 where the machine cannot measure any
 * @param allocationNanoUsd that and its share of idle time, loading and the like, by the bill of
 *                     the session so far; -1 where there is none yet
 * @param alternatives what it would have cost elsewhere
 * @param assumed      whether the machine's rate is the default profile's rather than configured
 * @param chargedNanoUsd what its team is charged
 * @param energySource where the energy comes from, in words; null where there is none
 */
public record Receipt(String requestId, long costNanoUsd, long prefillNanos, long decodeNanos,
        long microjoules, boolean assumed, long allocationNanoUsd,
        List<Alternative> alternatives, long chargedNanoUsd, String energySource) {

    public Receipt {
        alternatives = List.copyOf(alternatives);
    }

    /** A receipt that knows of no bill and no other prices. */
    public Receipt(String requestId, long costNanoUsd, long prefillNanos, long decodeNanos,
            long microjoules, boolean assumed) {
        this(requestId, costNanoUsd, prefillNanos, decodeNanos, microjoules, assumed, -1,
                List.of(), costNanoUsd, null);
    }

    /** The cost in US dollars, for display and for JSON. */
    public double costUsd() {
        return costNanoUsd / 1e9;
    }
}
