package dev.millrace.server.cli;

import dev.millrace.engine.cpu.packed.PackedFolder;
import dev.millrace.models.store.ByteCounts;
import dev.millrace.models.store.CatalogEntry;
import dev.millrace.models.store.Licence;
import dev.millrace.models.store.ModelStore;
import dev.millrace.models.store.StoredModel;
import dev.millrace.server.cli.ModelReport.Provenance;
import dev.millrace.server.cli.ModelReport.Terms;
import java.time.LocalDate;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code millrace list}: what is stored, and what the catalog offers. */
@Command(name = "list", description = "List the stored models and those of the catalog.")
final class ListCommand implements Callable<Integer> {

    private static final int SHOWN_DIGITS = 10;

    /** The JSON, which {@code docs/json/list.schema.json} describes. */
    private record Listing(List<Stored> stored, List<Offered> catalog, List<Packed> packed) {}

    /** Packed weights, which are kept for the next start. */
    private record Packed(String path, String model, long bytes) {}

    private record Stored(String path, long bytes, Terms licence, Provenance provenance) {}

    /** @param bytes null where only the source knows */
    private record Offered(String name, String description, Long bytes, Terms licence,
            List<String> sources) {}

    private final CommandContext context;

    @Option(names = "--json", description = "Print one JSON object"
            + " (docs/json/list.schema.json).")
    private boolean json;

    ListCommand(CommandContext context) {
        this.context = context;
    }

    @Override
    public Integer call() {
        try (ModelStore store = context.openStore()) {
            List<StoredModel> stored = store.list();
            if (json) {
                context.out().println(JsonOutput.text(listing(stored,
                        store.catalog().entries(), context.packedWeights().list())));
                return 0;
            }
            TextTable table = new TextTable("NAME", "SIZE", "LICENCE", "PULLED", "SOURCE");
            List<String> names = new ArrayList<>();
            for (StoredModel model : stored) {
                names.add(model.name());
                table.row(model.name(), ByteCounts.text(model.bytes()), model.licence(),
                        day(model), source(model));
            }
            for (CatalogEntry entry : store.catalog().entries()) {
                if (!names.contains(entry.name())) {
                    String size = entry.bytes().isPresent()
                            ? ByteCounts.text(entry.bytes().getAsLong())
                            : "?";
                    table.row(entry.name(), size, entry.licence(), "no", entry.description());
                }
            }
            table.print(context.out());
        }
        for (PackedFolder.Stored packed : context.packedWeights().list()) {
            context.out().println("packed weights of " + packed.model() + ": "
                    + ByteCounts.text(packed.bytes()) + " in " + packed.file());
        }
        return 0;
    }

    private static Listing listing(List<StoredModel> stored, List<CatalogEntry> catalog,
            List<PackedFolder.Stored> packed) {
        return new Listing(stored.stream().map(model -> new Stored(model.path().toString(),
                model.bytes(), Terms.of(Licence.of(model.licence())),
                Provenance.of(model))).toList(),
                catalog.stream().map(entry -> new Offered(entry.name(), entry.description(),
                        entry.bytes().isPresent() ? entry.bytes().getAsLong() : null,
                        Terms.of(Licence.of(entry.licence())), entry.sources())).toList(),
                packed.stream().map(one -> new Packed(one.file().toString(),
                        one.model().toString(), one.bytes())).toList());
    }

    private static String day(StoredModel model) {
        return LocalDate.ofInstant(model.pulled(), ZoneId.systemDefault()).toString();
    }

    /** Where it is from, and the commit that a branch was at. */
    private static String source(StoredModel model) {
        return model.source() + model.revision()
                .map(commit -> " at " + commit.substring(0, Math.min(SHOWN_DIGITS,
                        commit.length())))
                .orElse("");
    }
}
