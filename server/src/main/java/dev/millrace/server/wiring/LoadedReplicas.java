package dev.millrace.server.wiring;

import dev.millrace.engine.Engine;
import dev.millrace.engine.forward.ForwardPass.DeviceMemory;
import dev.millrace.engine.host.RunningModel;
import java.util.List;

/**
 * A loaded model, on one device or on several side by side.
 *
 * @param loaded those that serve, at least one
 * @param engine that runs on all of them
 */
record LoadedReplicas(List<LoadedEngine> loaded, Engine engine) implements RunningModel {

    LoadedReplicas {
        loaded = List.copyOf(loaded);
    }

    LoadedEngine first() {
        return loaded.getFirst();
    }

    /** All of them together. */
    @Override
    public DeviceMemory memory() {
        return loaded.stream().map(LoadedEngine::memory).reduce(DeviceMemory::plus).orElseThrow();
    }

    @Override
    public void close() {
        engine.close(); // so that all of them end together
        Closing closing = new Closing();
        loaded.forEach(closing::later);
        closing.close();
    }
}
