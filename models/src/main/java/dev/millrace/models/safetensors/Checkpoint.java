package dev.millrace.models.safetensors;

import dev.millrace.kernels.OrderedTensor;
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
    private final Map<String, StoredWeight> inParts = new LinkedHashMap<>();

    private Checkpoint(SafetensorsFolder folder, QuantizationConfig quantization) {
        this.folder = folder;
        WeightCollector collector = quantization == null
                ? null
                : WeightCollector.collect(folder, quantization);
        for (SafetensorsTensor tensor : folder.tensors()) {
            if (collector == null || !collector.isPart(tensor.name())) {
                tensor.type().format().filter(format -> tensor.bytes() > 0)
                        .ifPresent(format -> tensors.put(tensor.name(), new CheckpointTensor(
                                tensor.name(), tensor.shape(), tensor.type().name(), format,
                                null)));
            }
        }
        if (collector != null) {
            collector.weights().forEach(this::addInParts);
        }
    }

    private void addInParts(String name, StoredWeight weight) {
        StoredWeight ordered = weight.ordered();
        if (tensors.put(name, new CheckpointTensor(name, weight.shape(), weight.stored(),
                weight.format(), ordered == null ? null : ordered.format())) != null) {
            throw new SafetensorsException(source() + " has the weight " + Quoted.text(name)
                    + " twice, quantised and not");
        }
        inParts.put(name, weight);
    }

    /**
     * Opens a model's directory.
     *
     * @param quantization {@code quantization_config} of {@code config.json}; null if there is none
     * @throws SafetensorsException if the files are not sound, or quantised in a way that is not
     *                              read
     */
    public static Checkpoint open(Path directory, JsonNode quantization) {
        QuantizationConfig config = quantization == null || quantization.isNull()
                ? null
                : QuantizationConfig.read(quantization, directory.toString());
        SafetensorsFolder folder = SafetensorsFolder.open(directory);
        Checkpoint checkpoint = null;
        try {
            checkpoint = new Checkpoint(folder, config);
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

    /** Every weight; plain ones in the order of the files, then those that are held in parts. */
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
        StoredWeight weight = inParts.get(tensor.name());
        return weight != null
                ? weight.read()
                : folder.quantTensor(folder.find(tensor.name()).orElseThrow());
    }

    /**
     * The weight with its columns in the order of their groups, made anew.
     *
     * @throws IllegalArgumentException if there is no such form of it
     */
    public OrderedTensor readOrdered(CheckpointTensor tensor) {
        if (tensor.ordered() == null) {
            throw new IllegalArgumentException(tensor.name() + " has columns in order");
        }
        StoredWeight weight = inParts.get(tensor.name());
        return new OrderedTensor(weight.ordered().read(), weight.order());
    }

    /** Unmaps all files; every tensor becomes invalid. */
    @Override
    public void close() {
        folder.close();
    }
}
