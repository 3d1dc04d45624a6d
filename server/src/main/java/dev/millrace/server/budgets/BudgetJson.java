package dev.millrace.server.budgets;

import dev.millrace.server.metering.budget.Budget;
import dev.millrace.server.metering.budget.BudgetPeriod;
import dev.millrace.server.metering.budget.BudgetScope;
import dev.millrace.server.metering.budget.BudgetStatus;
import dev.millrace.server.metering.budget.Dollars;
import dev.millrace.server.openai.wire.ApiException;
import dev.millrace.server.openai.wire.Fields;
import java.time.DateTimeException;
import java.time.ZoneId;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import java.util.TreeSet;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** Budgets as JSON, in and out. */
public final class BudgetJson {

    private static final Set<String> FIELDS = new TreeSet<>(Set.of("scope", "name", "period",
            "hard_usd", "soft_usd", "time_zone"));
    private static final JsonMapper MAPPER = new JsonMapper();

    private BudgetJson() {}

    /** All of them. */
    public static ArrayNode list(List<BudgetStatus> statuses) {
        ArrayNode list = MAPPER.createArrayNode();
        statuses.forEach(status -> list.add(status(status)));
        return list;
    }

    /** One, and how it stands. */
    public static ObjectNode status(BudgetStatus status) {
        Budget budget = status.budget();
        ObjectNode node = MAPPER.createObjectNode().put("scope", budget.scope().word())
                .put("name", budget.name()).put("period", budget.period().word());
        optional(node, "hard_nano_usd", budget.hardNanoUsd());
        optional(node, "soft_nano_usd", budget.softNanoUsd());
        node.put("time_zone", budget.zone().getId())
                .put("spent_nano_usd", status.spentNanoUsd())
                .put("set_aside_nano_usd", status.setAsideNanoUsd());
        optional(node, "left_nano_usd", status.leftNanoUsd());
        return node.put("warns", status.warns())
                .put("burn_nano_usd_per_hour", status.burnNanoUsdPerHour())
                .put("forecast_nano_usd", status.forecastNanoUsd())
                .put("began_at", status.began().toString())
                .put("resets_at", status.resets().toString());
    }

    private static void optional(ObjectNode node, String name, OptionalLong value) {
        if (value.isPresent()) {
            node.put(name, value.getAsLong());
        } else {
            node.putNull(name);
        }
    }

    /** A budget that somebody wants set. @throws ApiException 400 that names the field */
    static Budget read(Fields body) {
        for (Map.Entry<String, JsonNode> field : body.all()) {
            if (!FIELDS.contains(field.getKey())) {
                throw ApiException.refused(400, field.getKey(), "unknown_parameter",
                        "unknown field \"" + Fields.shown(field.getKey()) + "\" (known: "
                                + String.join(", ", FIELDS) + ")");
            }
        }
        try {
            return new Budget(BudgetScope.ofWord(body.text("scope")), body.text("name", ""),
                    BudgetPeriod.ofWord(body.text("period")), dollars(body, "hard_usd"),
                    dollars(body, "soft_usd"), zone(body.text("time_zone", "UTC")));
        } catch (IllegalArgumentException e) {
            throw ApiException.invalid(null, e.getMessage());
        }
    }

    private static OptionalLong dollars(Fields body, String name) {
        JsonNode node = body.find(name);
        if (node == null) {
            return OptionalLong.empty();
        }
        if (!node.isNumber() || !Double.isFinite(node.doubleValue(Double.NaN))) {
            throw ApiException.wrongType(name, "a number of dollars", Fields.shown(node));
        }
        return OptionalLong.of(Dollars.nanoUsd(name, node.decimalValue()));
    }

    /** @throws IllegalArgumentException if there is no such zone */
    public static ZoneId zone(String id) {
        try {
            return ZoneId.of(id);
        } catch (DateTimeException e) {
            throw new IllegalArgumentException("time_zone must be a zone such as UTC or"
                    + " Europe/Berlin, got \"" + id + "\"", e);
        }
    }
}
