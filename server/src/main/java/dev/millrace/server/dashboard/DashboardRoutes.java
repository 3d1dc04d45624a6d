package dev.millrace.server.dashboard;

import dev.millrace.server.budgets.BudgetQuote;
import dev.millrace.server.metering.LedgerReader;
import dev.millrace.server.metering.LedgerSummary;
import dev.millrace.server.metering.LedgerView;
import dev.millrace.server.metering.budget.BudgetGate;
import dev.millrace.server.metering.prices.Counterfactual;
import dev.millrace.server.openai.completion.Exchange;
import dev.millrace.server.openai.wire.ApiException;
import dev.millrace.server.pages.Page;
import dev.millrace.server.tenants.RouteAccess;
import io.javalin.config.RoutesConfig;
import io.javalin.http.Context;
import java.time.Clock;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import tools.jackson.databind.node.ObjectNode;

/** The dashboard's page, its figures, which are for admins, and estimates for everybody. */
public final class DashboardRoutes {

    static final String FIGURES = "/v1/cost/overview";
    static final String ESTIMATE = "/v1/cost/estimate";

    /** However many look, the ledger is read no more often. */
    private static final Duration FRESH = Duration.ofSeconds(2);

    private final LedgerView ledger;
    private final Counterfactual elsewhere;
    private final BudgetGate gate;
    private final Clock clock;
    private final Map<String, Reading> readings = new HashMap<>();

    private LedgerSummary summary;
    private long summedNanos;

    private record Reading(String json, long readNanos) {}

    /**
     * Looks at a ledger.
     *
     * @param ledger the one that the server writes
     * @param gate   what sets money aside, for quotes
     */
    public DashboardRoutes(LedgerView ledger, Counterfactual elsewhere, BudgetGate gate,
            Clock clock) {
        this.ledger = ledger;
        this.elsewhere = elsewhere;
        this.gate = gate;
        this.clock = clock;
    }

    /** Adds the routes. */
    public void register(RoutesConfig routes, Exchange exchange) {
        Page.dashboard().register(routes, "/dashboard");
        CostEstimate estimate = new CostEstimate(this::summary, elsewhere);
        BudgetQuote quote = new BudgetQuote(gate);
        routes.post(ESTIMATE, context -> exchange.json(context, (body, caller) -> {
            ObjectNode answer = estimate.answer(body);
            quote.add(answer, body, caller.identity());
            return answer;
        }), RouteAccess.TENANTS);
        routes.get(FIGURES, this::figures, RouteAccess.ADMINS);
    }

    private synchronized LedgerSummary summary() {
        if (summary == null || System.nanoTime() - summedNanos > FRESH.toNanos()) {
            summary = ledger.read(LedgerReader::summary);
            summedNanos = System.nanoTime();
        }
        return summary;
    }

    private void figures(Context context) {
        String window = context.queryParam("window") == null
                ? "24h"
                : context.queryParam("window");
        if (!LedgerOverview.windows().contains(window)) {
            throw ApiException.refused(400, "window", "invalid_value", "window must be one of "
                    + String.join(", ", LedgerOverview.windows()) + ", got \"" + window + "\"");
        }
        context.contentType("application/json").header("Cache-Control", "no-store")
                .result(json(window));
    }

    private synchronized String json(String window) {
        Reading reading = readings.get(window);
        if (reading == null || System.nanoTime() - reading.readNanos() > FRESH.toNanos()) {
            reading = new Reading(LedgerOverview.read(ledger, elsewhere, window, clock.millis()),
                    System.nanoTime());
            readings.put(window, reading);
        }
        return reading.json();
    }
}
