package dev.millrace.server.cli.budgets;

import dev.millrace.server.cli.CommandContext;
import dev.millrace.server.cli.LedgerLocation;
import dev.millrace.server.metering.budget.Budget;
import dev.millrace.server.metering.budget.BudgetStore;
import dev.millrace.server.metering.budget.Dollars;
import dev.millrace.server.metering.database.LedgerAddress;
import java.math.BigDecimal;
import java.time.ZoneId;
import java.util.OptionalLong;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code millrace budgets set}: a new budget, or new limits of one. */
@Command(name = "set", description = "Set a budget, in the place of the one for the same.")
final class BudgetsSetCommand implements Callable<Integer> {

    private final CommandContext context;

    @Mixin
    private BudgetChoice choice;

    @Option(names = "--hard", paramLabel = "USD", description = "Turn requests away (402) rather"
            + " than spend more.")
    private BigDecimal hard;

    @Option(names = "--soft", paramLabel = "USD", description = "Warn from here on.")
    private BigDecimal soft;

    @Option(names = "--time-zone", paramLabel = "ZONE", defaultValue = "UTC",
            description = "In which days and months begin, such as Europe/Berlin (default: UTC).")
    private ZoneId zone;

    @Option(names = "--ledger", paramLabel = "FILE|URL",
            description = "The server's ledger, which keeps the budgets (default: that of serve).")
    private String ledger;

    BudgetsSetCommand(CommandContext context) {
        this.context = context;
    }

    @Override
    public Integer call() {
        Budget.Id id = choice.id();
        Budget budget = new Budget(id.scope(), id.name(), id.period(), limit("--hard", hard),
                limit("--soft", soft), zone);
        LedgerAddress address = LedgerLocation.of(ledger, context.environment());
        try (BudgetStore store = BudgetStore.open(address)) {
            store.set(budget);
        }
        context.out().println("set the budget of " + budget.label() + " in " + address);
        return 0;
    }

    private static OptionalLong limit(String flag, BigDecimal usd) {
        return usd == null ? OptionalLong.empty() : OptionalLong.of(Dollars.nanoUsd(flag, usd));
    }
}
