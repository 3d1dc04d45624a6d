package dev.millrace.server.cli.budgets;

import dev.millrace.server.cli.CommandContext;
import dev.millrace.server.cli.LedgerLocation;
import dev.millrace.server.metering.budget.Budget;
import dev.millrace.server.metering.budget.BudgetStore;
import dev.millrace.server.metering.database.LedgerAddress;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code millrace budgets rm}: lets spending go on without one. */
@Command(name = "rm", description = "Remove a budget.")
final class BudgetsRemoveCommand implements Callable<Integer> {

    private final CommandContext context;

    @Mixin
    private BudgetChoice choice;

    @Option(names = "--ledger", paramLabel = "FILE|URL",
            description = "The server's ledger, which keeps the budgets (default: that of serve).")
    private String ledger;

    BudgetsRemoveCommand(CommandContext context) {
        this.context = context;
    }

    @Override
    public Integer call() {
        Budget.Id id = choice.id();
        LedgerAddress address = LedgerLocation.of(ledger, context.environment());
        try (BudgetStore store = BudgetStore.open(address)) {
            if (!store.remove(id)) {
                throw new IllegalArgumentException("there is no such budget;"
                        + " ./millrace budgets list shows them");
            }
        }
        context.out().println("removed the budget of " + id.scope().word()
                + (id.name().isEmpty() ? "" : " " + id.name()) + ", per " + id.period().word());
        return 0;
    }
}
