package dev.millrace.models.safetensors;

import dev.millrace.kernels.QuantTensor;
import java.nio.file.Path;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import tools.jackson.databind.JsonNode;

/** The weights of a directory as its authors name them, however its files hold them. */
public final class Checkpoint implements AutoCloseable {

    private final SafetensorsFolder folder;
    private final Map<String, CheckpointTensor> tensors = new LinkedHashMap<>();

    private Checkpoint(SafetensorsFolder folder) {
        this.folder = folder;
        for (SafetensorsTensor tensor : folder.tensors()) {
            tensor.type().format().filter(format -> tensor.bytes() > 0)
                    .ifPresent(format -> tensors.put(tensor.name(), new CheckpointTensor(
                            tensor.name(), tensor.shape(), tensor.type().name(), format)));
        }
    }

    /**
     * Opens a model's directory.
     *
     * @param quantization {@code quantization_config} of {@code config.json}; null if there is none
     * @throws SafetensorsException if the files are not sound, or quantised in a way that is not
     *                              read
     */
    public static Checkpoint open(Path directory, JsonNode quantization) {
        if (quantization != null && !quantization.isNull()) {
            throw new SafetensorsException(directory + " is quantised by "
                    + Quoted.text(quantization.path("quant_method").asString(""))
                    + ", which this version does not read; take a GGUF file of the model");
        }
        SafetensorsFolder folder = SafetensorsFolder.open(directory);
        Checkpoint checkpoint = null;
        try {
            checkpoint = new Checkpoint(folder);
            return checkpoint;
        } finally {
            if (checkpoint == null) {
                folder.close();
            }
        }
    }

    /** What to call this checkpoint in messages. */
    public String source() {
        return folder.source();
    }

    /** Every weight, in the order of the files; integers that are no weights are left out. */
    public Collection<CheckpointTensor> tensors() {
        return Collections.unmodifiableCollection(tensors.values());
    }

    public Optional<CheckpointTensor> find(String name) {
        return Optional.ofNullable(tensors.get(name));
    }

    /**
     * The weight for the kernels: borrowed from the files, until this checkpoint is closed, where
     * they hold it in that form; made anew otherwise.
     */
    public QuantTensor read(CheckpointTensor tensor) {
        return folder.quantTensor(folder.find(tensor.name()).orElseThrow());
    }

    /** Unmaps all files; every tensor becomes invalid. */
    @Override
    public void close() {
        folder.close();
    }
}
