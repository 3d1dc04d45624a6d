package dev.millrace.server.cli.budgets;

import dev.millrace.server.budgets.BudgetJson;
import dev.millrace.server.cli.CommandContext;
import dev.millrace.server.cli.LedgerLocation;
import dev.millrace.server.cli.TextTable;
import dev.millrace.server.metering.budget.BudgetEvents;
import dev.millrace.server.metering.budget.BudgetStatus;
import dev.millrace.server.metering.budget.Budgets;
import dev.millrace.server.metering.budget.Dollars;
import dev.millrace.server.metering.database.LedgerAddress;
import java.time.Clock;
import java.util.List;
import java.util.OptionalLong;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code millrace budgets list}: how the budgets stand, as the ledger has it. */
@Command(name = "list", description = "List the budgets, what is spent, what is left, how fast it"
        + " goes and where that leads. What a running server has set aside is not in it: see"
        + " GET /v1/budgets.")
final class BudgetsListCommand implements Callable<Integer> {

    private final CommandContext context;

    @Option(names = "--json", description = "Print a JSON array instead of a table.")
    private boolean json;

    @Option(names = "--ledger", paramLabel = "FILE|URL",
            description = "The server's ledger, which keeps the budgets (default: that of serve).")
    private String ledger;

    BudgetsListCommand(CommandContext context) {
        this.context = context;
    }

    @Override
    public Integer call() {
        LedgerAddress address = LedgerLocation.of(ledger, context.environment());
        List<BudgetStatus> statuses = address.exists() ? statuses(address) : List.of();
        if (json) {
            context.out().println(BudgetJson.list(statuses).toPrettyString());
            return 0;
        }
        if (statuses.isEmpty()) {
            context.out().println("There are no budgets in " + address
                    + ". Set one with ./millrace budgets set.");
            return 0;
        }
        TextTable table = new TextTable("BUDGET", "HARD", "SOFT", "SPENT", "LEFT", "PER HOUR",
                "FORECAST", "RESETS");
        for (BudgetStatus status : statuses) {
            table.row(status.budget().label(), text(status.budget().hardNanoUsd()),
                    text(status.budget().softNanoUsd()), Dollars.text(status.spentNanoUsd()),
                    text(status.leftNanoUsd()), Dollars.text(status.burnNanoUsdPerHour()),
                    Dollars.text(status.forecastNanoUsd()), status.resets().toString());
        }
        table.print(context.out());
        context.out().println("USD. PER HOUR is the average of the last hour (of a day's budget) or"
                + " day; FORECAST is what will be spent at the end if that goes on.");
        return 0;
    }

    private static List<BudgetStatus> statuses(LedgerAddress address) {
        try (Budgets budgets = Budgets.open(address, Clock.systemUTC(), BudgetEvents.NOBODY)) {
            return budgets.statuses();
        }
    }

    private static String text(OptionalLong nanoUsd) {
        return nanoUsd.isPresent() ? Dollars.text(nanoUsd.getAsLong()) : "-";
    }
}
