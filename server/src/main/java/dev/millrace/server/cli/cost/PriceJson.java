package dev.millrace.server.cli.cost;

import dev.millrace.server.metering.prices.HostedPrice;
import tools.jackson.databind.node.ObjectNode;

/** A hosted price as reports have it. */
final class PriceJson {

    private PriceJson() {}

    static void put(ObjectNode node, HostedPrice price) {
        node.put("provider", price.provider()).put("model", price.model())
                .put("gateway", price.gateway()).put("input", price.inputUsdPerMillion())
                .put("output", price.outputUsdPerMillion());
        putNumber(node, "cached_input", price.cachedInputUsdPerMillion());
        putNumber(node, "batch_factor", price.batchFactor());
        node.put("as_of", price.asOf().toString()).put("source", price.source());
    }

    /** A number, or null where there is none. */
    static void putNumber(ObjectNode node, String name, double value) {
        if (Double.isFinite(value)) {
            node.put(name, value);
        } else {
            node.putNull(name);
        }
    }
}
