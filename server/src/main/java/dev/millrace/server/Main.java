package dev.millrace.server;

import dev.millrace.server.cli.CommandContext;
import dev.millrace.server.cli.CommandLineProgram;

/** Where the process starts. */
public final class Main {

    private Main() {}

    public static void main(String[] arguments) {
        System.exit(new CommandLineProgram(CommandContext.ofProcess()).run(arguments));
    }
}
