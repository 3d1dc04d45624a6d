package dev.millrace.models;

import dev.millrace.kernels.QuantTensor;
import dev.millrace.models.template.ChatTemplate;
import dev.millrace.models.text.Tokenizer;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** An opened model file: sizes, weights, tokenizer and template, mapped rather than copied. */
public interface Model extends AutoCloseable {

    ModelSpec spec();

    Weights weights();

    /** Empty for a file without a vocabulary; such a model still runs on token ids. */
    Optional<Tokenizer> tokenizer();

    Optional<ChatTemplate> chatTemplate();

    /** The file's own metadata, in file order: String, Boolean, Long, Double or List values. */
    Map<String, Object> metadata();

    /** The names of the file's tensors, in file order. */
    List<String> tensorNames();

    /** A tensor by the file's own name. @throws ModelException naming near misses if absent */
    QuantTensor tensor(String name);

    /** Unmaps the file; every tensor becomes invalid. */
    @Override
    void close();
}
