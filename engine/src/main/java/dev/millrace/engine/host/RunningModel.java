package dev.millrace.engine.host;

import dev.millrace.engine.Engine;
import dev.millrace.engine.forward.ForwardPass.DeviceMemory;

/** A model that is on the device. */
public interface RunningModel extends AutoCloseable {

    /** Runs it. */
    Engine engine();

    /** What it takes on the device. */
    DeviceMemory memory();

    /** Stops the engine, cancelling what still runs, and gives the memory back. */
    @Override
    void close();
}
