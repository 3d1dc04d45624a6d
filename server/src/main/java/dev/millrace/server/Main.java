package dev.millrace.server;

import dev.millrace.server.cli.CommandContext;
import dev.millrace.server.cli.CommandLineProgram;

/** Where the process starts. */
public final class Main {

    private Main() {}

    public static void main(String[] arguments) {
        // The engine logs through the JDK; this makes its lines look like everybody's.
        System.setProperty("java.util.logging.SimpleFormatter.format",
                "%1$tFT%1$tT.%1$tL%1$tz %4$-7s %3$s %5$s%6$s%n");
        System.exit(new CommandLineProgram(CommandContext.ofProcess()).run(arguments));
    }
}
