package dev.millrace.server.openai.model;

import java.nio.file.Path;

/** Loads adapters of a model and frees them, while its engine runs. */
public interface AdapterLoader {

    /**
     * Loads an adapter.
     *
     * @param name what clients will write after the model's name and a colon
     * @param path of a directory or file on this machine
     * @return the model with the adapter
     * @throws IllegalArgumentException if the name is none that clients could write
     * @throws dev.millrace.models.ModelException if there is no adapter of this model at the path
     * @throws dev.millrace.engine.forward.BackendException if there is no room for it
     */
    ServedModel load(String name, Path path);

    /** Takes no more requests for a loaded adapter, and frees it when the last one has ended. */
    void unload(ServedModel adapter);
}
