package dev.millrace.server.store;

/**
 * How far a batch is, and what its rows have used.
 *
 * @param completed       rows that have an answer
 * @param failed          rows that have an error instead
 * @param inputTokens     of prompts, cached ones included
 * @param outputTokens    of completions, reasoning included
 * @param costNanoUsd     what the ledger has of these rows
 * @param priceNanoUsd    what is asked for them
 */
public record BatchCounts(long completed, long failed, long inputTokens, long cachedTokens,
        long outputTokens, long reasoningTokens, long costNanoUsd, long priceNanoUsd) {

    public static final BatchCounts NONE = new BatchCounts(0, 0, 0, 0, 0, 0, 0, 0);

    /** Both together. */
    public BatchCounts plus(BatchCounts more) {
        return new BatchCounts(completed + more.completed, failed + more.failed,
                inputTokens + more.inputTokens, cachedTokens + more.cachedTokens,
                outputTokens + more.outputTokens, reasoningTokens + more.reasoningTokens,
                costNanoUsd + more.costNanoUsd, priceNanoUsd + more.priceNanoUsd);
    }
}
