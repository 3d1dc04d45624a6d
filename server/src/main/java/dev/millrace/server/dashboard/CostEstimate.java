package dev.millrace.server.dashboard;

import dev.millrace.server.metering.LedgerSummary;
import dev.millrace.server.metering.LedgerSummary.ModelUse;
import dev.millrace.server.metering.prices.Alternative;
import dev.millrace.server.metering.prices.Counterfactual;
import dev.millrace.server.openai.wire.ApiException;
import dev.millrace.server.openai.wire.Fields;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * What a request would cost before it runs: its tokens at what the model's tokens have cost so far.
 * Nobody knows what will share its steps, so this is an average and no promise.
 */
final class CostEstimate {

    private static final Set<String> FIELDS = Set.of("model", "prompt_tokens", "cached_tokens",
            "completion_tokens", "service_tier");
    private static final long MOST_TOKENS = 1_000_000_000;
    /** One USD per million tokens. */
    private static final double NANO_USD_PER_TOKEN = 1_000;

    private final Supplier<LedgerSummary> ledger;
    private final Counterfactual elsewhere;

    CostEstimate(Supplier<LedgerSummary> ledger, Counterfactual elsewhere) {
        this.ledger = ledger;
        this.elsewhere = elsewhere;
    }

    /** @throws ApiException 400 for fields that make no sense, 404 for a model without a past */
    ObjectNode answer(Fields body) {
        for (Map.Entry<String, JsonNode> field : body.all()) {
            if (!FIELDS.contains(field.getKey())) {
                throw ApiException.refused(400, field.getKey(), "unknown_parameter",
                        "unknown field \"" + field.getKey() + "\" (known: "
                                + String.join(", ", FIELDS.stream().sorted().toList()) + ")");
            }
        }
        String model = body.text("model");
        long prompt = body.integer("prompt_tokens", 0, MOST_TOKENS, 0);
        long cached = body.integer("cached_tokens", 0, prompt, 0);
        long completion = body.integer("completion_tokens", 0, MOST_TOKENS, 0);
        LedgerSummary summary = ledger.get();
        ModelUse use = summary.models().stream().filter(one -> one.model().equals(model))
                .findFirst().orElseThrow(() -> ApiException.refused(404, "model",
                        "model_not_metered", "nothing is known of what \"" + model
                                + "\" costs: it has not run here yet"));
        double nanoUsd = (price(use.inputUsdPerMillion()) * (prompt - cached)
                + price(use.outputUsdPerMillion()) * completion) * NANO_USD_PER_TOKEN;
        long allocated = Math.round(nanoUsd * summary.allocationFactor());
        ObjectNode answer = new JsonMapper().createObjectNode().put("object", "cost.estimate")
                .put("model", model).put("usage_nano_usd", Math.round(nanoUsd))
                .put("allocation_nano_usd", allocated)
                .put("requests_averaged", use.requests()).put("assumed", summary.assumed());
        ArrayNode list = answer.putArray("elsewhere");
        for (Alternative host : elsewhere.price(model, prompt, cached, completion, false)) {
            list.addObject().put("provider", host.provider()).put("model", host.model())
                    .put("same_weights", host.sameWeights()).put("nano_usd", host.nanoUsd())
                    .put("saved_nano_usd", host.nanoUsd() - allocated)
                    .put("as_of", host.asOf().toString());
        }
        return answer;
    }

    /** Tokens of a kind that never was have no price; they count for nothing. */
    private static double price(double usdPerMillion) {
        return Double.isNaN(usdPerMillion) ? 0 : usdPerMillion;
    }
}
