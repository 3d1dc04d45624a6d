package dev.millrace.server.cli;

import picocli.CommandLine.Command;

/** Lists {@code bench} in the help; the launcher starts that module's own program. */
@Command(name = "bench", description = "Measure kernels and models (see: millrace bench --help).")
final class BenchCommand implements Runnable {

    @Override
    public void run() {
        throw new CommandException("bench is a program of its own; start it through the launcher:"
                + " ./millrace bench");
    }
}
