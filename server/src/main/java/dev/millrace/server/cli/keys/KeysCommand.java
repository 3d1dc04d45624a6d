package dev.millrace.server.cli.keys;

import dev.millrace.server.cli.CommandContext;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** {@code millrace keys}: who may use the server. */
@Command(name = "keys", description = "Make, list and revoke the API keys of clients.", footer = {
    "", "A server that runs notices within a second. Without any key it answers this machine only;",
    "from the first key on, every client needs one."})
public final class KeysCommand implements Runnable {

    @Spec
    private CommandSpec spec;

    @Override
    public void run() {
        spec.commandLine().usage(spec.commandLine().getOut());
    }

    /** The command with those below it. */
    public static CommandLine with(CommandContext context) {
        return new CommandLine(new KeysCommand())
                .addSubcommand(new KeysCreateCommand(context))
                .addSubcommand(new KeysListCommand(context))
                .addSubcommand(new KeysRevokeCommand(context));
    }
}
