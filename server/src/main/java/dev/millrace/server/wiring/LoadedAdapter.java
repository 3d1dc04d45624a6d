package dev.millrace.server.wiring;

import dev.millrace.engine.forward.SequenceRow;
import dev.millrace.models.LoraAdapter;
import dev.millrace.models.ModelSpec;
import java.nio.file.Path;
import java.util.function.ToIntFunction;

/** Opens adapters and hands them over to what runs them. */
public final class LoadedAdapter {

    private LoadedAdapter() {}

    /**
     * Opens an adapter and loads it.
     *
     * @param loader takes it over and says its slot; where it fails, the files are closed
     * @throws dev.millrace.models.ModelException if it is no adapter of the model
     */
    public static int load(Path path, ModelSpec base, ToIntFunction<LoraAdapter> loader) {
        LoraAdapter adapter = LoraAdapter.open(path, base);
        boolean loaded = false;
        try {
            int slot = loader.applyAsInt(adapter);
            loaded = true;
            return slot;
        } finally {
            if (!loaded) {
                adapter.close();
            }
        }
    }

    /**
     * The slot of a command's adapter, loaded into a model that set memory aside for it.
     *
     * @param path null for none
     */
    public static int slotOf(Path path, LoadedModel base) {
        return path == null
                ? SequenceRow.NO_ADAPTER
                : load(path, base.spec(), base.pass()::loadAdapter);
    }
}
