package dev.millrace.server.cli;

import dev.millrace.models.store.ByteCounts;
import dev.millrace.models.store.CatalogEntry;
import dev.millrace.models.store.ModelStore;
import dev.millrace.models.store.StoredModel;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;

/** {@code millrace list}: what is stored, and what the catalog offers. */
@Command(name = "list", description = "List the stored models and those of the catalog.")
final class ListCommand implements Callable<Integer> {

    private final CommandContext context;

    ListCommand(CommandContext context) {
        this.context = context;
    }

    @Override
    public Integer call() {
        try (ModelStore store = context.openStore()) {
            List<StoredModel> stored = store.list();
            TextTable table = new TextTable("NAME", "SIZE", "LICENCE", "PATH");
            List<String> names = new ArrayList<>();
            for (StoredModel model : stored) {
                names.add(model.name());
                table.row(model.name(), ByteCounts.text(model.bytes()), model.licence(),
                        model.path().toString());
            }
            for (CatalogEntry entry : store.catalog().entries()) {
                if (!names.contains(entry.name())) {
                    table.row(entry.name(), ByteCounts.text(entry.bytes()), entry.licence(),
                            "not pulled: " + entry.description());
                }
            }
            table.print(context.out());
        }
        return 0;
    }
}
