package dev.millrace.models;

import dev.millrace.kernels.KvFormat;
import dev.millrace.models.template.ChatTemplate;
import dev.millrace.models.text.Tokenizer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/** An opened model: sizes, weights, tokenizer and template, mapped rather than copied. */
public non-sealed interface Model extends OpenedModel {

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

    /** The tokenizer. @throws ModelException if there is none; says why */
    default Tokenizer requiredTokenizer() {
        return tokenizer().orElseThrow(() -> new ModelException(spec().name()
                + " has no tokenizer" + tokenizerProblem().map(why -> ": " + why).orElse("")
                + "; it runs on token ids only (run --prompt-ids)"));
    }

    /** Empty for a file without a chat template, or with one that does not compile. */
    Optional<ChatTemplate> chatTemplate();

    /** Why there is no chat template; empty where there is one. */
    Optional<String> chatTemplateProblem();

    /**
     * What the file wants for a text's vector where that is not the state after the last token, and
     * so cannot be had of a model that generates; empty where it is, or nothing is said.
     */
    default Optional<String> otherPooling() {
        return Optional.empty();
    }

    /** The memory that the model needs with a cache of some format. */
    ModelFootprint footprint(KvFormat cacheFormat);
}
