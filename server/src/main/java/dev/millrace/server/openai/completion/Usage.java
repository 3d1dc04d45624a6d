package dev.millrace.server.openai.completion;

import dev.millrace.engine.GenerationEvent.Finished;
import dev.millrace.engine.TokenUsage;
import dev.millrace.server.metering.Receipt;
import dev.millrace.server.metering.prices.Alternative;
import dev.millrace.server.openai.wire.Json;
import java.math.BigDecimal;
import java.util.List;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * A response's {@code usage}: OpenAI's token counts, and what they cost. A prompt counts once
 * however many choices it has; the cost is that of all generations, as the ledger has it.
 */
public final class Usage {

    private static final int NANO_DIGITS = 9;
    private static final double NANOS_PER_MILLI = 1e6;
    private static final double MICROJOULES_PER_JOULE = 1e6;

    private Usage() {}

    /**
     * Counts.
     *
     * @param receipts one per generation, or empty if the meter could not say
     * @param exhausted whether a choice was ended because its budget had no more
     */
    static ObjectNode of(CompletionJob job, List<Finished> finished, List<Receipt> receipts,
            int reasoningTokens, boolean exhausted) {
        int promptTokens = 0;
        int cachedTokens = 0;
        int completionTokens = 0;
        int acceptedDrafts = 0;
        int rejectedDrafts = 0;
        for (int i = 0; i < finished.size(); i++) {
            TokenUsage usage = finished.get(i).usage();
            if (job.firstOfPrompt(i)) {
                promptTokens += usage.promptTokens();
                cachedTokens += usage.cachedTokens();
            }
            completionTokens += usage.completionTokens();
            acceptedDrafts += usage.acceptedDrafts();
            rejectedDrafts += usage.rejectedDrafts();
        }
        ObjectNode usage = Json.object().put("prompt_tokens", promptTokens)
                .put("completion_tokens", completionTokens)
                .put("total_tokens", promptTokens + completionTokens);
        usage.putObject("prompt_tokens_details").put("cached_tokens", cachedTokens);
        usage.putObject("completion_tokens_details").put("reasoning_tokens", reasoningTokens)
                .put("accepted_prediction_tokens", acceptedDrafts)
                .put("rejected_prediction_tokens", rejectedDrafts);
        addCost(usage, receipts);
        if (exhausted && usage.get("cost_details") instanceof ObjectNode details) {
            details.put("ended_by_budget", true);
        }
        return usage;
    }

    /** Adds {@code cost} and {@code cost_details}; null without receipts. */
    public static void addCost(ObjectNode usage, List<Receipt> receipts) {
        if (receipts.isEmpty()) {
            usage.putNull("cost").putNull("cost_details");
            return;
        }
        long nanoUsd = receipts.stream().mapToLong(Receipt::costNanoUsd).sum();
        long prefillNanos = receipts.stream().mapToLong(Receipt::prefillNanos).sum();
        long decodeNanos = receipts.stream().mapToLong(Receipt::decodeNanos).sum();
        boolean measured = receipts.stream().allMatch(receipt -> receipt.microjoules() >= 0);
        usage.put("cost", dollars(nanoUsd));
        long chargedNanoUsd = receipts.stream().mapToLong(Receipt::chargedNanoUsd).sum();
        ObjectNode details = usage.putObject("cost_details").put("nano_usd", nanoUsd)
                .put("charged_nano_usd", chargedNanoUsd)
                .put("prefill_ms", prefillNanos / NANOS_PER_MILLI)
                .put("decode_ms", decodeNanos / NANOS_PER_MILLI);
        if (measured) {
            details.put("joules", receipts.stream().mapToLong(Receipt::microjoules).sum()
                    / MICROJOULES_PER_JOULE)
                    .put("energy_source", receipts.getFirst().energySource());
        } else {
            details.putNull("joules").putNull("energy_source");
        }
        if (receipts.stream().allMatch(receipt -> receipt.allocationNanoUsd() >= 0)) {
            long allocated = receipts.stream().mapToLong(Receipt::allocationNanoUsd).sum();
            details.put("allocation_nano_usd", allocated);
            addElsewhere(details, receipts, allocated);
        }
        details.put("assumed", receipts.stream().anyMatch(Receipt::assumed));
    }

    /** What the same would have cost at hosts of the model, and what was saved or lost by that. */
    private static void addElsewhere(ObjectNode details, List<Receipt> receipts, long allocated) {
        List<Alternative> first = receipts.getFirst().alternatives();
        if (first.isEmpty()) {
            return;
        }
        ArrayNode list = details.putArray("elsewhere");
        for (int i = 0; i < first.size(); i++) {
            int host = i;
            long nanoUsd = receipts.stream()
                    .mapToLong(receipt -> receipt.alternatives().get(host).nanoUsd()).sum();
            list.addObject().put("provider", first.get(i).provider())
                    .put("model", first.get(i).model())
                    .put("same_weights", first.get(i).sameWeights()).put("nano_usd", nanoUsd)
                    .put("saved_nano_usd", nanoUsd - allocated)
                    .put("as_of", first.get(i).asOf().toString());
        }
    }

    /** Exact, without trailing zeros and never in scientific notation. */
    public static BigDecimal dollars(long nanoUsd) {
        return nanoUsd == 0
                ? BigDecimal.ZERO
                : BigDecimal.valueOf(nanoUsd, NANO_DIGITS).stripTrailingZeros();
    }
}
