package dev.millrace.engine.host;

/** Brings a model onto the device, as often as it is asked to. */
@FunctionalInterface
public interface ModelOpener {

    /**
     * Takes seconds, as overhead on the device's lane.
     *
     * @throws dev.millrace.engine.forward.BackendException if the device cannot run the model
     */
    RunningModel open();
}
