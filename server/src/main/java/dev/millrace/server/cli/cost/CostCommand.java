package dev.millrace.server.cli.cost;

import dev.millrace.models.store.ModelStore;
import dev.millrace.server.cli.LedgerLocation;
import dev.millrace.server.cli.TextTable;
import dev.millrace.server.metering.LedgerReader;
import dev.millrace.server.metering.LedgerSummary;
import dev.millrace.server.metering.prices.PriceCatalog;
import dev.millrace.server.metering.prices.PriceFile;
import dev.millrace.server.metering.rate.HardwareProfile;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code millrace cost}: what tokens have cost so far, beside what others charge for them. */
@Command(name = "cost", description = "Show what tokens have cost on this machine, and elsewhere.")
public final class CostCommand implements Callable<Integer> {

    /** The exit status for books that do not balance: a script must notice. */
    private static final int UNBALANCED = 3;

    private static final String LEDGER = "The ledger to read (default: the one that serve"
            + " writes).";

    private final PrintStream out;
    private final Map<String, String> environment;
    private final Clock clock;

    @Option(names = "--ledger", paramLabel = "FILE", description = LEDGER)
    private Path ledger;

    @Option(names = "--json", description = "Print JSON instead of a table.")
    private boolean json;

    public CostCommand(PrintStream out, Map<String, String> environment, Clock clock) {
        this.clock = clock;
        this.out = out;
        this.environment = environment;
    }

    @Override
    public Integer call() {
        Path file = ledger == null ? LedgerLocation.served(environment) : ledger;
        if (ledger == null && !Files.exists(file)) {
            out.println(json
                    ? CostReport.NOTHING_JSON
                    : "Nothing has been metered yet: there is no ledger at " + file
                            + ". Start with ./millrace serve.");
            return 0;
        }
        LedgerSummary summary;
        try (LedgerReader reader = LedgerReader.open(file)) {
            summary = reader.summary();
        }
        CostReport report = new CostReport(file, summary, catalog());
        out.print(json ? report.json() : report.text());
        return summary.balance().balances() ? 0 : UNBALANCED;
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

    private PriceCatalog catalog() {
        return new PriceFile(ModelStore.root(environment))
                .catalog(LocalDate.ofInstant(clock.instant(), ZoneOffset.UTC));
    }
}
