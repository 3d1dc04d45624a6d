package dev.millrace.server.cli.cost;

import dev.millrace.server.metering.report.Comparison;
import dev.millrace.server.metering.report.Fidelity;
import dev.millrace.server.metering.report.FidelityFile;
import dev.millrace.server.metering.report.HostComparison;
import dev.millrace.server.metering.report.OwnCost;
import java.util.Optional;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** A comparison for programs to read. */
final class ComparisonJson {

    private ComparisonJson() {}

    static ObjectNode of(Comparison comparison, Optional<Fidelity> fidelity) {
        ObjectNode root = new JsonMapper().createObjectNode().put("model", comparison.model())
                .put("hosted_model", comparison.hostedModel())
                .put("same_weights", comparison.sameWeights())
                .put("assumed", comparison.assumed())
                .put("requests", comparison.use().requests())
                .put("prompt_tokens", comparison.use().promptTokens())
                .put("cached_tokens", comparison.use().cachedTokens())
                .put("completion_tokens", comparison.use().completionTokens())
                .put("usage_nano_usd", comparison.usageNanoUsd())
                .put("allocation_nano_usd", comparison.allocationNanoUsd());
        fidelity.ifPresent(found -> root.set("fidelity", FidelityFile.json(found)));
        OwnCost own = comparison.own();
        root.putObject("machine").put("usd_per_hour", own.rateUsdPerHour())
                .put("tokens_per_second", own.tokensPerSecond())
                .put("tokens_per_day", own.tokensPerDay())
                .put("utilisation", own.utilisation());
        ArrayNode hosts = root.putArray("hosts");
        for (HostComparison host : comparison.hosts()) {
            ObjectNode node = hosts.addObject();
            PriceJson.put(node, host.price());
            node.put("same_weights", host.sameWeights())
                    .put("hosted_nano_usd", host.hostedNanoUsd())
                    .put("saved_nano_usd", host.hostedNanoUsd() - comparison.allocationNanoUsd())
                    .put("usd_per_million", host.blendedPerMillion()).put("ratio", host.ratio());
            PriceJson.putNumber(node, "ratio_p5", host.p5());
            PriceJson.putNumber(node, "ratio_p95", host.p95());
            double breakEven = own.breakEvenTokensPerDay(host.blendedPerMillion());
            PriceJson.putNumber(node, "break_even_tokens_per_day", breakEven > own.tokensPerDay()
                    ? Double.NaN
                    : breakEven);
            PriceJson.putNumber(node, "parity_utilisation",
                    own.parityUtilisation(host.blendedPerMillion()));
            ArrayNode swings = node.putArray("swings");
            host.swings().forEach(swing -> swings.addObject().put("what", swing.what())
                    .put("low", swing.low()).put("low_ratio", swing.lowRatio())
                    .put("high", swing.high()).put("high_ratio", swing.highRatio()));
        }
        return root;
    }
}
