package dev.millrace.models;

import dev.millrace.kernels.KvFormat;
import dev.millrace.kernels.QuantTensor;
import dev.millrace.models.template.ChatTemplate;
import dev.millrace.models.text.Tokenizer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** An opened model: sizes, weights, tokenizer and template, mapped rather than copied. */
public interface Model extends AutoCloseable {

    /**
     * Opens a GGUF file, or a directory with {@code config.json} and safetensors files as
     * transformers writes them.
     *
     * @throws ModelException if there is no such file, it is damaged, or it holds a model that this
     *                        version does not run
     */
    static Model open(Path path) {
        return Files.isDirectory(path) ? HfModel.open(path) : GgufModel.open(path);
    }

    ModelSpec spec();

    Weights weights();

    /** Empty for a file without a vocabulary; such a model still runs on token ids. */
    Optional<Tokenizer> tokenizer();

    /** Why there is no tokenizer; empty where there is one. */
    Optional<String> tokenizerProblem();

    /** Empty for a file without a chat template, or with one that does not compile. */
    Optional<ChatTemplate> chatTemplate();

    /** Why there is no chat template; empty where there is one. */
    Optional<String> chatTemplateProblem();

    /** The memory that the model needs with a cache of some format. */
    ModelFootprint footprint(KvFormat cacheFormat);

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
