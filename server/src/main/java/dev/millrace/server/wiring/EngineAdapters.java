package dev.millrace.server.wiring;

import dev.millrace.engine.Engine;
import dev.millrace.server.config.NamedAdapter;
import dev.millrace.server.openai.model.AdapterLoader;
import dev.millrace.server.openai.model.ServedModel;
import java.nio.file.Path;

/** The adapters of one served model, loaded into its engine. */
final class EngineAdapters implements AdapterLoader {

    private final ServedModel base;
    private final Engine engine;

    EngineAdapters(ServedModel base) {
        this.base = base;
        this.engine = base.engine();
    }

    /** The model without any. */
    ServedModel base() {
        return base;
    }

    @Override
    public ServedModel load(String name, Path path) {
        NamedAdapter adapter = new NamedAdapter(name, path);
        return base.withAdapter(adapter.name(),
                LoadedAdapter.load(adapter.path(), base.spec(), engine::loadAdapter));
    }

    @Override
    public void unload(ServedModel adapter) {
        engine.unloadAdapter(adapter.adapterSlot());
    }
}
