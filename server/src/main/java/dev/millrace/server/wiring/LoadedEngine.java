package dev.millrace.server.wiring;

import dev.millrace.engine.BatchingEngine;
import dev.millrace.engine.DraftModel;
import dev.millrace.engine.forward.ForwardPass.DeviceMemory;
import java.util.Optional;

/** A loaded model, the draft model beside it where there is one, and the engine that runs them. */
record LoadedEngine(LoadedModel loaded, Optional<DraftModel> draft,
        BatchingEngine engine) implements AutoCloseable {

    /** What it takes on the device. */
    DeviceMemory memory() {
        DeviceMemory memory = loaded.pass().memory();
        return draft.map(model -> memory.plus(model.pass().memory())).orElse(memory);
    }

    @Override
    public void close() {
        Closing closing = new Closing();
        closing.later(loaded);
        draft.ifPresent(model -> closing.later(model.pass()));
        closing.later(engine);
        closing.close();
    }
}
