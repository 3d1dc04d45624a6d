package dev.millrace.server.metering;

import java.util.List;
import java.util.Map;

/**
 * The ledger in sums, as of one moment.
 *
 * @param beganMillis     wall clock when the first session began; 0 for an empty ledger
 * @param heartbeatMillis wall clock of the last commit; 0 for an empty ledger
 * @param assumed         whether any of it was priced by an assumed rate
 * @param nanoUsdPerHour  the latest rate; 0 for an empty ledger
 * @param models          per model, what its requests used
 * @param machineNanos    per kind of machine time (and for {@link LedgerBalance#REQUESTS}), how
 *                        long
 * @param balance         whether the books balance
 * @param energySources   where the sessions' energy came from, in words, each once
 */
public record LedgerSummary(long beganMillis, long heartbeatMillis, boolean assumed,
        long nanoUsdPerHour, List<ModelUse> models, Map<String, Long> machineNanos,
        LedgerBalance balance, List<String> energySources) {

    public LedgerSummary {
        energySources = List.copyOf(energySources);
        models = List.copyOf(models);
        machineNanos = Map.copyOf(machineNanos);
    }

    /**
     * What the requests of one model used.
     *
     * @param computedTokens prompt tokens that were computed rather than taken from the cache
     * @param prefillUsd     cost of computing prompts
     * @param decodeUsd      cost of generating completions
     * @param microjoules    energy of the requests that it was measured for, or -1 for none
     */
    public record ModelUse(String model, long requests, long promptTokens, long cachedTokens,
            long computedTokens, long completionTokens, long prefillNanos, long decodeNanos,
            double prefillUsd, double decodeUsd, long microjoules) {

        /** US dollars per million prompt tokens computed; NaN if there were none. */
        public double inputUsdPerMillion() {
            return computedTokens == 0 ? Double.NaN : prefillUsd / computedTokens * 1e6;
        }

        /** US dollars per million completion tokens; NaN if there were none. */
        public double outputUsdPerMillion() {
            return completionTokens == 0 ? Double.NaN : decodeUsd / completionTokens * 1e6;
        }
    }

    /** Requests of all models. */
    public long requests() {
        return models.stream().mapToLong(ModelUse::requests).sum();
    }

    /**
     * What a dollar of use costs once everything else that the machine did, idling above all, is
     * shared out among the requests: the whole bill over the requests' own cost. NaN without any.
     */
    public double allocationFactor() {
        long requestsNanoUsd = balance.linesNanoUsd().getOrDefault(LedgerBalance.REQUESTS, 0L);
        return requestsNanoUsd == 0
                ? Double.NaN
                : (double) balance.billNanoUsd() / requestsNanoUsd;
    }
}
