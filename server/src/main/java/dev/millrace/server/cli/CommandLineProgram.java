package dev.millrace.server.cli;

import dev.millrace.server.cli.budgets.BudgetsCommand;
import dev.millrace.server.cli.cost.CostCommand;
import dev.millrace.server.cli.cost.PricesCommand;
import dev.millrace.server.cli.keys.KeysCommand;
import java.io.PrintWriter;
import java.time.Clock;
import picocli.CommandLine;
import picocli.CommandLine.Help.Ansi;

/** The program {@code millrace}: its commands, and how they fail. */
public final class CommandLineProgram {

    private final CommandContext context;
    private final CommandLine commands;

    public CommandLineProgram(CommandContext context) {
        this.context = context;
        this.commands = new CommandLine(new MillraceCommand())
                .addSubcommand(new ServeCommand(context))
                .addSubcommand(new RunCommand(context))
                .addSubcommand(new PullCommand(context))
                .addSubcommand(new ListCommand(context))
                .addSubcommand(new RemoveCommand(context))
                .addSubcommand(new InspectCommand(context))
                .addSubcommand(new TokenizeCommand(context))
                .addSubcommand(new DetokenizeCommand(context))
                .addSubcommand(CostCommand.all(context.out(), context.environment(),
                        Clock.systemUTC()))
                .addSubcommand(new PricesCommand(context.out(), context.environment(),
                        Clock.systemUTC()))
                .addSubcommand(KeysCommand.with(context))
                .addSubcommand(BudgetsCommand.with(context))
                .addSubcommand(new ConfigCommand(context))
                .addSubcommand(new TemplateCommand(context))
                .addSubcommand(new PerplexityCommand(context))
                .addSubcommand(new CompareCommand(context))
                .addSubcommand(new EmbedCommand(context))
                .addSubcommand(new QuantizeCommand(context))
                .addSubcommand(new BenchCommand());
        PrintWriter out = new PrintWriter(context.out(), true);
        PrintWriter err = new PrintWriter(context.err(), true);
        FailureReport failures = new FailureReport(context);
        commands.setOut(out)
                .setErr(err)
                .setColorScheme(CommandLine.Help.defaultColorScheme(
                        context.columns() > 0 ? Ansi.AUTO : Ansi.OFF))
                .setUsageHelpAutoWidth(true)
                .setCaseInsensitiveEnumValuesAllowed(true)
                .setParameterExceptionHandler((failure, arguments) -> failures.usage(failure))
                .setExecutionExceptionHandler((failure, command, parsed) -> failures
                        .execution(failure));
    }

    /** Runs one command. @return the process's exit status: 0, 1 on failure, 2 on misuse */
    public int run(String... arguments) {
        int status = commands.execute(arguments);
        context.out().flush();
        return status;
    }
}
