package dev.millrace.bench;

import dev.millrace.bench.attention.AttentionCommand;
import dev.millrace.bench.attribution.ShapleyCommand;
import dev.millrace.bench.gpu.GpuCommand;
import dev.millrace.bench.ledger.LedgerCommand;
import dev.millrace.bench.masks.MaskCommand;
import dev.millrace.bench.matmul.KernelsCommand;
import dev.millrace.bench.model.ModelCommand;
import dev.millrace.bench.overhead.OverheadCommand;
import dev.millrace.bench.peer.CompareCommand;
import dev.millrace.bench.ready.ReadyCommand;
import dev.millrace.bench.report.ReportCommand;
import dev.millrace.bench.sampling.SamplingCommand;
import dev.millrace.bench.serve.ServeCommand;
import dev.millrace.bench.serve.StallCommand;
import dev.millrace.bench.synth.SynthCommand;
import dev.millrace.bench.text.TokenizerCommand;
import dev.millrace.engine.forward.BackendException;
import dev.millrace.models.ModelException;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.ScopeType;

/** {@code ./millrace bench}: benchmarks of kernels, models and servers. */
@Command(name = "millrace bench",
        description = "Measure kernels, models and servers; results are appended to bench/results.",
        subcommands = {
            ModelCommand.class, GpuCommand.class, CompareCommand.class, ServeCommand.class,
            StallCommand.class, ReadyCommand.class, KernelsCommand.class, SynthCommand.class,
            AttentionCommand.class, SamplingCommand.class, MaskCommand.class,
            TokenizerCommand.class, OverheadCommand.class, ShapleyCommand.class,
            LedgerCommand.class,
            ReportCommand.class})
public final class Main {

    @Option(names = {"-h", "--help"}, usageHelp = true, scope = ScopeType.INHERIT,
            description = "Show this help.")
    private boolean help;

    private Main() {}

    public static void main(String[] arguments) {
        System.exit(commandLine().execute(arguments));
    }

    /** The command line, as {@link #main} runs it. */
    public static CommandLine commandLine() {
        CommandLine commandLine = new CommandLine(new Main());
        commandLine.setExecutionExceptionHandler((failure, command, parsed) -> {
            if (failure instanceof ModelException || failure instanceof BackendException
                    || failure instanceof BenchException
                    || failure instanceof IllegalArgumentException) {
                command.getErr().println("millrace: " + failure.getMessage());
                return 1;
            }
            throw failure;
        });
        return commandLine;
    }
}
