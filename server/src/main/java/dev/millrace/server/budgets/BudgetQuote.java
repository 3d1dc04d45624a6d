package dev.millrace.server.budgets;

import dev.millrace.server.metering.budget.BudgetGate;
import dev.millrace.server.metering.budget.BudgetStatus;
import dev.millrace.server.openai.wire.ApiException;
import dev.millrace.server.openai.wire.Fields;
import dev.millrace.server.tenants.Identity;
import java.util.List;
import java.util.Set;
import tools.jackson.databind.node.ObjectNode;

/** Whether the caller's budgets would let a request run now, and what would be set aside for it. */
public final class BudgetQuote {

    private static final Set<String> TIERS = Set.of("flex", "default", "priority");

    private final BudgetGate gate;

    public BudgetQuote(BudgetGate gate) {
        this.gate = gate;
    }

    /**
     * Adds that to an estimate.
     *
     * @param body what was asked, whose model and tokens are checked already
     * @throws ApiException 400 for a tier that is none
     */
    public void add(ObjectNode estimate, Fields body, Identity identity) {
        String tier = body.text("service_tier", "default");
        if (!TIERS.contains(tier)) {
            throw ApiException.invalid("service_tier", "service_tier must be default, flex or"
                    + " priority, got \"" + Fields.shown(tier) + "\"");
        }
        long most = gate.mostNanoUsd(body.text("model"), tier,
                body.integer("prompt_tokens", 0, Long.MAX_VALUE, 0),
                body.integer("completion_tokens", 0, Long.MAX_VALUE, 0));
        List<BudgetStatus> statuses = gate.budgets().statuses(identity.payer());
        estimate.put("set_aside_nano_usd", most).put("affordable", statuses.stream()
                .allMatch(status -> status.leftNanoUsd().orElse(Long.MAX_VALUE) >= most));
        estimate.set("budgets", BudgetJson.list(statuses));
    }
}
