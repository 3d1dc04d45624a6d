package dev.millrace.server.cli.budgets;

import dev.millrace.server.metering.budget.Budget;
import dev.millrace.server.metering.budget.BudgetPeriod;
import dev.millrace.server.metering.budget.BudgetScope;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Option;

/** Which budget is meant. */
final class BudgetChoice {

    @ArgGroup(exclusive = true, multiplicity = "1")
    private Scope scope;

    @Option(names = "--per", paramLabel = "PERIOD", required = true, description = "day or month.")
    private String period;

    /** Whose spending. */
    static final class Scope {

        @Option(names = "--server", required = true, description = "Of everybody together.")
        private boolean server;

        @Option(names = "--team", paramLabel = "NAME", required = true,
                description = "Of a team's keys.")
        private String team;

        @Option(names = "--project", paramLabel = "NAME", required = true,
                description = "Of a project's keys.")
        private String project;

        @Option(names = "--key", paramLabel = "NAME", required = true,
                description = "Of the keys of this name, one after the other.")
        private String key;
    }

    /** @throws IllegalArgumentException if the period is none */
    Budget.Id id() {
        BudgetPeriod per = BudgetPeriod.ofWord(period);
        if (scope.server) {
            return new Budget.Id(BudgetScope.SERVER, "", per);
        }
        if (scope.team != null) {
            return new Budget.Id(BudgetScope.TEAM, scope.team, per);
        }
        return scope.project != null
                ? new Budget.Id(BudgetScope.PROJECT, scope.project, per)
                : new Budget.Id(BudgetScope.KEY, scope.key, per);
    }
}
