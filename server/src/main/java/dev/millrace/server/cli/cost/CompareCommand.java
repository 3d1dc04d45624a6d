package dev.millrace.server.cli.cost;

import dev.millrace.models.store.FileProblems;
import dev.millrace.server.metering.LedgerReader;
import dev.millrace.server.metering.prices.PriceCatalog;
import dev.millrace.server.metering.report.Comparison;
import dev.millrace.server.metering.report.Fidelity;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code millrace cost compare}: the same requests here and at every host of the model. */
@Command(name = "compare", description = "Price the metered requests at every host of the model,"
        + " beside what the whole bill says that they cost here.")
final class CompareCommand implements Callable<Integer> {

    private final PrintStream out;
    private final Map<String, String> environment;
    private final Clock clock;

    @Mixin
    private LedgerChoice ledger;

    @Option(names = "--model", paramLabel = "ID",
            description = "The served model (default: the one with the most tokens).")
    private String model;

    @Option(names = "--with", paramLabel = "NAME", split = ",",
            description = "Also compare with this hosted model, or with one offer of it"
                    + " (Provider/model).")
    private List<String> with = List.of();

    @Option(names = "--json", description = "Print one JSON object.")
    private boolean json;

    @Option(names = "--html", paramLabel = "FILE",
            description = "Also write one page with plots, which needs nothing else.")
    private Path html;

    CompareCommand(PrintStream out, Map<String, String> environment, Clock clock) {
        this.out = out;
        this.environment = environment;
        this.clock = clock;
    }

    @Override
    public Integer call() {
        PriceCatalog catalog = LedgerChoice.catalog(environment, clock);
        Comparison comparison;
        try (LedgerReader reader = ledger.open(environment)) {
            comparison = Comparison.of(reader, catalog, LedgerChoice.model(reader, model),
                    LedgerChoice.named(catalog, with));
        }
        Optional<Fidelity> fidelity = LedgerChoice.fidelity(environment).of(comparison.model());
        if (html != null) {
            try {
                Files.writeString(html, new ComparisonPage(comparison, fidelity,
                        catalog.today()).html());
            } catch (IOException e) {
                throw new IllegalArgumentException("cannot write " + html + ": "
                        + FileProblems.describe(e), e);
            }
        }
        if (json) {
            out.println(ComparisonJson.of(comparison, fidelity).toPrettyString());
        } else {
            ComparisonText.print(comparison, fidelity, catalog, out);
        }
        return 0;
    }
}
