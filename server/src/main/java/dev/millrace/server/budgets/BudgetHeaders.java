package dev.millrace.server.budgets;

import dev.millrace.server.metering.budget.BudgetStatus;
import dev.millrace.server.metering.budget.Budgets;
import dev.millrace.server.metering.budget.Dollars;
import dev.millrace.server.tenants.Identity;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** What answers say about the caller's budgets, as they stood when the request came. */
public final class BudgetHeaders {

    static final String LEFT = "x-budget-left-usd";
    static final String RESET = "x-budget-reset";
    static final String WARNING = "x-budget-warning";

    private final Budgets budgets;

    public BudgetHeaders(Budgets budgets) {
        this.budgets = budgets;
    }

    /** The budget with the least left, and those whose soft limit is reached. */
    public Map<String, String> of(Identity identity) {
        List<BudgetStatus> statuses = budgets.statuses(identity.payer());
        Map<String, String> headers = new LinkedHashMap<>();
        statuses.stream().filter(status -> status.leftNanoUsd().isPresent())
                .min(Comparator.comparingLong(status -> status.leftNanoUsd().getAsLong()))
                .ifPresent(least -> {
                    headers.put(LEFT, Dollars.text(least.leftNanoUsd().getAsLong()));
                    headers.put(RESET, least.resets().toString());
                });
        String warnings = statuses.stream().filter(BudgetStatus::warns)
                .map(BudgetHeaders::warning).collect(Collectors.joining("; "));
        if (!warnings.isEmpty()) {
            headers.put(WARNING, warnings);
        }
        return headers;
    }

    private static String warning(BudgetStatus status) {
        return status.budget().label() + ": "
                + Dollars.text(status.spentNanoUsd() + status.setAsideNanoUsd())
                + " USD spent or set aside, soft limit "
                + Dollars.text(status.budget().softNanoUsd().orElseThrow()) + " USD";
    }
}
