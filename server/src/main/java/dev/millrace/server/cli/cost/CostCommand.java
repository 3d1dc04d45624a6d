package dev.millrace.server.cli.cost;

import dev.millrace.server.cli.TextTable;
import dev.millrace.server.metering.LedgerReader;
import dev.millrace.server.metering.LedgerSummary;
import dev.millrace.server.metering.database.LedgerAddress;
import dev.millrace.server.metering.rate.HardwareProfile;
import java.io.PrintStream;
import java.time.Clock;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code millrace cost}: what tokens have cost so far, beside what others charge for them. */
@Command(name = "cost", description = "Show what tokens have cost on this machine, and elsewhere.")
public final class CostCommand implements Callable<Integer> {

    /** The exit status for books that do not balance: a script must notice. */
    private static final int UNBALANCED = 3;

    private final PrintStream out;
    private final Map<String, String> environment;
    private final Clock clock;

    @Mixin
    private LedgerChoice ledger;

    @Option(names = "--json", description = "Print JSON instead of a table.")
    private boolean json;

    private CostCommand(PrintStream out, Map<String, String> environment, Clock clock) {
        this.clock = clock;
        this.out = out;
        this.environment = environment;
    }

    @Override
    public Integer call() {
        LedgerAddress address = ledger.address(environment);
        if (!ledger.named() && !address.exists()) {
            out.println(json
                    ? CostReport.NOTHING_JSON
                    : "Nothing has been metered yet: there is no ledger at " + address
                            + ". Start with ./millrace serve.");
            return 0;
        }
        LedgerSummary summary;
        Optional<String> audit;
        try (LedgerReader reader = LedgerReader.open(address)) {
            summary = reader.summary();
            audit = reader.audit();
        }
        CostReport report = new CostReport(address, summary,
                LedgerChoice.catalog(environment, clock), LedgerChoice.fidelity(environment),
                audit);
        out.print(json ? report.json() : report.text());
        return summary.balance().balances() && audit.isEmpty() ? 0 : UNBALANCED;
    }

    @Command(name = "profiles", description = "List what common machines cost: names for"
            + " cost.profile in millrace.yaml.")
    int profiles() {
        TextTable table = new TextTable("NAME", "WHAT", "COST", "AS OF", "SOURCE");
        for (HardwareProfile profile : HardwareProfile.all()) {
            table.row(profile.name(), profile.description(), profile.cost().properties().stream()
                    .map(entry -> entry.getKey() + ": " + entry.getValue())
                    .collect(Collectors.joining(", ")), profile.asOf().toString(),
                    profile.source());
        }
        table.print(out);
        return 0;
    }

    /** The command with its reports. */
    public static CommandLine all(PrintStream out, Map<String, String> environment, Clock clock) {
        return new CommandLine(new CostCommand(out, environment, clock))
                .addSubcommand(new ReportCommand(out, environment))
                .addSubcommand(new CompareCommand(out, environment, clock))
                .addSubcommand(new ClaimCommand(out, environment, clock))
                .addSubcommand(new ReconcileCommand(out, environment))
                .addSubcommand(new ExportCommand(out, environment));
    }
}
