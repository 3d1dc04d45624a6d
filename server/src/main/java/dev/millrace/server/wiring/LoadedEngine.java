package dev.millrace.server.wiring;

import dev.millrace.engine.BatchingEngine;
import dev.millrace.engine.forward.ForwardPass.DeviceMemory;
import dev.millrace.engine.host.RunningModel;

/** A loaded model and the engine that runs it. */
record LoadedEngine(LoadedModel loaded, BatchingEngine engine) implements RunningModel {

    @Override
    public DeviceMemory memory() {
        return loaded.pass().memory();
    }

    @Override
    public void close() {
        Closing closing = new Closing();
        closing.later(loaded);
        closing.later(engine);
        closing.close();
    }
}
