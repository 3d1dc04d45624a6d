package dev.millrace.server.cli;

import dev.millrace.models.store.ByteCounts;
import dev.millrace.models.store.ModelStore;
import dev.millrace.models.store.StoredModel;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** {@code millrace rm}: deletes a stored model. */
@Command(name = "rm", description = "Delete a stored model.")
final class RemoveCommand implements Callable<Integer> {

    private final CommandContext context;

    @Parameters(paramLabel = "NAME", description = "As \"millrace list\" shows it.")
    private String name;

    RemoveCommand(CommandContext context) {
        this.context = context;
    }

    @Override
    public Integer call() {
        try (ModelStore store = context.openStore()) {
            StoredModel removed = store.remove(name);
            long packedBytes = context.packedWeights().remove(removed.path());
            context.out().println("removed " + removed.name() + ", "
                    + ByteCounts.text(removed.bytes()) + (packedBytes == 0
                            ? ""
                            : ", and " + ByteCounts.text(packedBytes)
                                    + " of its packed weights"));
        }
        return 0;
    }
}
