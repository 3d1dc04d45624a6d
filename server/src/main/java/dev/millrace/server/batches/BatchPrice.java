package dev.millrace.server.batches;

import dev.millrace.server.store.BatchCounts;
import java.math.BigDecimal;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * What is asked for a row: a share of what the ledger has for it. It is shown beside the cost, is
 * what budgets are charged, and changes nothing in the bill, which has what the device's time
 * costs.
 *
 * @param millionths of the cost, 0 to 1,000,000
 */
public record BatchPrice(int millionths) {

    private static final int WHOLE = 1_000_000;
    private static final int DIGITS = 6;

    public BatchPrice {
        if (millionths < 0 || millionths > WHOLE) {
            throw new IllegalArgumentException("a price is 0 to " + WHOLE
                    + " millionths of the cost, got " + millionths);
        }
    }

    /** Whole nano-dollars, rounded down. */
    long of(long nanoUsd) {
        return nanoUsd / WHOLE * millionths + nanoUsd % WHOLE * millionths / WHOLE;
    }

    /** As a factor. */
    BigDecimal factor() {
        return millionths == 0
                ? BigDecimal.ZERO
                : BigDecimal.valueOf(millionths, DIGITS).stripTrailingZeros();
    }

    /** Adds the price to the cost of an answer that has one. */
    void addTo(JsonNode answer) {
        if (answer.at("/usage/cost_details") instanceof ObjectNode details
                && details.has("nano_usd")) {
            details.put("batch_price_nano_usd", of(details.get("nano_usd").longValue()));
        }
    }

    /** What a row with this answer has used, in the words of whatever endpoint. */
    static BatchCounts used(JsonNode answer) {
        JsonNode usage = answer.path("usage");
        return new BatchCounts(1, 0, either(usage, "prompt_tokens", "input_tokens"),
                either(usage.path("prompt_tokens_details"), "cached_tokens", "cached_tokens")
                        + number(usage.path("input_tokens_details"), "cached_tokens"),
                either(usage, "completion_tokens", "output_tokens"),
                number(usage.path("completion_tokens_details"), "reasoning_tokens")
                        + number(usage.path("output_tokens_details"), "reasoning_tokens"),
                number(usage.path("cost_details"), "nano_usd"),
                number(usage.path("cost_details"), "batch_price_nano_usd"));
    }

    private static long either(JsonNode node, String name, String other) {
        return node.has(name) ? number(node, name) : number(node, other);
    }

    private static long number(JsonNode node, String name) {
        return node.path(name).longValue(0);
    }
}
