package dev.millrace.server.cli;

import dev.millrace.models.store.ByteCounts;
import dev.millrace.models.store.CatalogEntry;
import dev.millrace.models.store.ModelStore;
import dev.millrace.models.store.StoredModel;
import java.time.LocalDate;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;

/** {@code millrace list}: what is stored, and what the catalog offers. */
@Command(name = "list", description = "List the stored models and those of the catalog.")
final class ListCommand implements Callable<Integer> {

    private static final int SHOWN_DIGITS = 10;

    private final CommandContext context;

    ListCommand(CommandContext context) {
        this.context = context;
    }

    @Override
    public Integer call() {
        try (ModelStore store = context.openStore()) {
            List<StoredModel> stored = store.list();
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
        return 0;
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
