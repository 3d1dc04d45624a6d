package dev.millrace.server.cli.cost;

import dev.millrace.models.store.ModelStore;
import dev.millrace.server.cli.LedgerLocation;
import dev.millrace.server.metering.LedgerReader;
import dev.millrace.server.metering.LedgerSummary;
import dev.millrace.server.metering.database.LedgerAddress;
import dev.millrace.server.metering.prices.HostedPrice;
import dev.millrace.server.metering.prices.PriceCatalog;
import dev.millrace.server.metering.prices.PriceFile;
import dev.millrace.server.metering.report.FidelityFile;
import java.time.Clock;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.Option;

/** What the reports have in common: which ledger, which model, which hosted prices. */
final class LedgerChoice {

    @Option(names = "--ledger", paramLabel = "FILE|URL",
            description = "The ledger to read (default: the one that serve writes).")
    private String ledger;

    /** Where it is. */
    LedgerAddress address(Map<String, String> environment) {
        return LedgerLocation.of(ledger, environment);
    }

    /** Whether the file was named rather than found. */
    boolean named() {
        return ledger != null;
    }

    LedgerReader open(Map<String, String> environment) {
        return LedgerReader.open(address(environment));
    }

    static PriceCatalog catalog(Map<String, String> environment, Clock clock) {
        return new PriceFile(ModelStore.root(environment))
                .catalog(LocalDate.ofInstant(clock.instant(), ZoneOffset.UTC));
    }

    /** What 'millrace compare' has found about models. */
    static FidelityFile fidelity(Map<String, String> environment) {
        return new FidelityFile(ModelStore.root(environment));
    }

    /** The model that was asked for, or the one with the most tokens. */
    static String model(LedgerReader reader, String wanted) {
        if (wanted != null) {
            return wanted;
        }
        return reader.summary().models().stream()
                .max(Comparator.comparingLong(use -> use.promptTokens() + use.completionTokens()))
                .map(LedgerSummary.ModelUse::model)
                .orElseThrow(() -> new IllegalArgumentException("the ledger has no requests yet;"
                        + " there is nothing to compare"));
    }

    /** Hosted prices by name, each of which must be known. */
    static List<HostedPrice> named(PriceCatalog catalog, List<String> references) {
        List<HostedPrice> prices = new ArrayList<>();
        references.forEach(reference -> prices.addAll(catalog.named(reference)));
        return prices;
    }
}
