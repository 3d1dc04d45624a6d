package dev.millrace.server.cli.budgets;

import dev.millrace.server.cli.CommandContext;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** {@code millrace budgets}: what may be spent. */
@Command(name = "budgets",
        description = "Set, list and remove what may be spent in a day or month.",
        footer = {"",
            "A server that runs notices within a second. docs/cost.md says how money is set"
                    + " aside."})
public final class BudgetsCommand implements Runnable {

    @Spec
    private CommandSpec spec;

    @Override
    public void run() {
        spec.commandLine().usage(spec.commandLine().getOut());
    }

    /** The command with those below it. */
    public static CommandLine with(CommandContext context) {
        return new CommandLine(new BudgetsCommand())
                .addSubcommand(new BudgetsSetCommand(context))
                .addSubcommand(new BudgetsListCommand(context))
                .addSubcommand(new BudgetsRemoveCommand(context));
    }
}
