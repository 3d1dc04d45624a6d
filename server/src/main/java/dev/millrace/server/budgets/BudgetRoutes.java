package dev.millrace.server.budgets;

import dev.millrace.server.metering.budget.Budget;
import dev.millrace.server.metering.budget.BudgetPeriod;
import dev.millrace.server.metering.budget.BudgetScope;
import dev.millrace.server.metering.budget.BudgetStatus;
import dev.millrace.server.metering.budget.Budgets;
import dev.millrace.server.openai.completion.Exchange;
import dev.millrace.server.openai.wire.ApiException;
import dev.millrace.server.openai.wire.Json;
import dev.millrace.server.tenants.Identity;
import dev.millrace.server.tenants.Role;
import dev.millrace.server.tenants.RouteAccess;
import io.javalin.config.RoutesConfig;
import io.javalin.http.Context;
import java.util.List;
import tools.jackson.databind.node.ObjectNode;

/** How budgets stand, to admins all of them and to tenants their own; and setting them. */
public final class BudgetRoutes {

    static final String BUDGETS = "/v1/budgets";

    private final Budgets budgets;

    public BudgetRoutes(Budgets budgets) {
        this.budgets = budgets;
    }

    /** Adds the routes. */
    public void register(RoutesConfig routes, Exchange exchange) {
        routes.get(BUDGETS, this::list, RouteAccess.TENANTS);
        routes.post(BUDGETS, context -> exchange.json(context, (body, caller) -> {
            Budget budget = BudgetJson.read(body);
            try {
                budgets.set(budget);
            } catch (IllegalArgumentException e) {
                throw ApiException.invalid(null, e.getMessage());
            }
            return budgets.statuses().stream()
                    .filter(status -> status.budget().id().equals(budget.id()))
                    .map(BudgetJson::status).findFirst().orElseThrow();
        }), RouteAccess.ADMINS);
        routes.delete(BUDGETS + "/server/{period}", this::remove, RouteAccess.ADMINS);
        routes.delete(BUDGETS + "/{scope}/{name}/{period}", this::remove, RouteAccess.ADMINS);
    }

    private void list(Context context) {
        Identity identity = Identity.of(context.req());
        List<BudgetStatus> statuses = identity.role() == Role.ADMIN
                ? budgets.statuses()
                : budgets.statuses(identity.payer());
        Exchange.json(context, Json.object().put("object", "list").set("data",
                BudgetJson.list(statuses)));
    }

    private void remove(Context context) {
        boolean named = context.pathParamMap().containsKey("scope");
        Budget.Id id;
        try {
            id = new Budget.Id(named
                    ? BudgetScope.ofWord(context.pathParam("scope"))
                    : BudgetScope.SERVER, named ? context.pathParam("name") : "",
                    BudgetPeriod.ofWord(context.pathParam("period")));
        } catch (IllegalArgumentException e) {
            throw ApiException.invalid(null, e.getMessage());
        }
        if (!budgets.remove(id)) {
            throw ApiException.refused(404, null, "budget_not_found", "there is no budget of "
                    + context.path().substring(BUDGETS.length() + 1));
        }
        ObjectNode answer = Json.object().put("object", "budget.deleted")
                .put("scope", id.scope().word()).put("name", id.name())
                .put("period", id.period().word()).put("deleted", true);
        Exchange.json(context, answer);
    }
}
