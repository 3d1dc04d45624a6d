package dev.millrace.server.budgets;

import dev.millrace.server.metering.budget.Budget;
import dev.millrace.server.metering.budget.BudgetStatus;
import dev.millrace.server.metering.budget.Budgets;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.MultiGauge;
import io.micrometer.core.instrument.MultiGauge.Row;
import io.micrometer.core.instrument.Tags;
import java.util.List;
import java.util.function.Predicate;
import java.util.function.ToLongFunction;

/** How the budgets stand, for Prometheus: those that there are when somebody looks. */
public final class BudgetMetrics {

    private static final double NANO = 1e-9;
    private static final Predicate<BudgetStatus> ALL = status -> true;

    private final Budgets budgets;
    private final MultiGauge spent;
    private final MultiGauge setAside;
    private final MultiGauge hard;
    private final MultiGauge soft;
    private final MultiGauge forecast;

    public BudgetMetrics(Budgets budgets, MeterRegistry registry) {
        this.budgets = budgets;
        this.spent = gauge(registry, "spent", "charged in this period");
        this.setAside = gauge(registry, "set_aside", "set aside for requests that run");
        this.hard = gauge(registry, "hard", "what may be spent in a period");
        this.soft = gauge(registry, "soft", "what there is a warning from");
        this.forecast = gauge(registry, "forecast", "what will be spent at the period's end");
    }

    private static MultiGauge gauge(MeterRegistry registry, String name, String description) {
        return MultiGauge.builder("millrace_budget_" + name + "_usd").description(description)
                .register(registry);
    }

    /** Takes the budgets as they are. */
    public void refresh() {
        List<BudgetStatus> statuses = budgets.statuses();
        set(spent, statuses, ALL, BudgetStatus::spentNanoUsd);
        set(setAside, statuses, ALL, BudgetStatus::setAsideNanoUsd);
        set(forecast, statuses, ALL, BudgetStatus::forecastNanoUsd);
        set(hard, statuses, status -> status.budget().hardNanoUsd().isPresent(),
                status -> status.budget().hardNanoUsd().getAsLong());
        set(soft, statuses, status -> status.budget().softNanoUsd().isPresent(),
                status -> status.budget().softNanoUsd().getAsLong());
    }

    private static void set(MultiGauge gauge, List<BudgetStatus> statuses,
            Predicate<BudgetStatus> has, ToLongFunction<BudgetStatus> nanoUsd) {
        gauge.register(statuses.stream().filter(has).map(status -> Row.of(tags(status.budget()),
                nanoUsd.applyAsLong(status) * NANO)).toList(), true);
    }

    private static Tags tags(Budget budget) {
        return Tags.of("scope", budget.scope().word(), "name", budget.name(), "period",
                budget.period().word());
    }
}
