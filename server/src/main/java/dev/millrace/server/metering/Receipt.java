package dev.millrace.server.metering;

/**
 * What one request cost, as the ledger has it.
 *
 * @param costNanoUsd  what it cost, in 1e-9 US dollars
 * @param prefillNanos device time of its prompt
 * @param decodeNanos  device time of its completion
 * @param microjoules  energy, or -1 where the machine cannot measure any
 * @param assumed      whether the machine's rate is the default profile's rather than configured
 */
public record Receipt(String requestId, long costNanoUsd, long prefillNanos, long decodeNanos,
        long microjoules, boolean assumed) {

    /** The cost in US dollars, for display and for JSON. */
    public double costUsd() {
        return costNanoUsd / 1e9;
    }
}
