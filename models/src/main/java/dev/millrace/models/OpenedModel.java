package dev.millrace.models;

import dev.millrace.kernels.QuantTensor;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** What a file or directory turned out to hold: a model that generates, or an encoder. */
public sealed interface OpenedModel extends AutoCloseable permits Model, EncoderModel {

    /**
     * Opens whichever it is; its description is read once.
     *
     * @throws ModelException if there is no such file, it is damaged, or it holds a model that this
     *                        version does not run
     */
    static OpenedModel open(Path path) {
        if (Files.isDirectory(path)) {
            return HfEncoder.describesEncoder(path) ? EncoderModel.open(path) : HfModel.open(path);
        }
        return GgufEncoder.openIt(path, GgufModel::open);
    }

    /**
     * The file's own metadata, in file order: String, Boolean, Long, Double or List values. Strings
     * are as the file has them, control characters included; lists die with the model.
     */
    Map<String, Object> metadata();

    /** The file's tensors, in file order, whether or not this version computes their types. */
    List<TensorEntry> tensors();

    /**
     * A tensor by the file's own name.
     *
     * @throws ModelException naming near misses if absent, or if no kernel computes its type
     */
    QuantTensor tensor(String name);

    /** Unmaps the file; every tensor becomes invalid. */
    @Override
    void close();
}
