package dev.millrace.models;

import dev.millrace.models.safetensors.Checkpoint;
import java.util.List;

/**
 * What stands before the names of a text model's tensors where a checkpoint holds other models too,
 * for images: those are left alone.
 */
record HfPrefix(String prefix) {

    private static final String EMBEDDING = "model.embed_tokens.weight";
    private static final String MODEL = "model.";
    private static final String NONE = "";
    /** As transformers wrote them up to version 4, and from 5 on. */
    private static final List<String> PREFIXES = List.of("language_model.",
            "model.language_model.");

    /** The prefix under which the embedding is; none if it is nowhere. */
    static HfPrefix of(Checkpoint checkpoint) {
        return PREFIXES.stream().map(HfPrefix::new)
                .filter(each -> checkpoint.find(each.apply(EMBEDDING)).isPresent()).findFirst()
                .orElse(new HfPrefix(NONE));
    }

    /** The name in the checkpoint of what a text model by itself calls so. */
    String apply(String name) {
        if (!prefix.startsWith(MODEL)) {
            return prefix + name;
        }
        return name.startsWith(MODEL) ? prefix + name.substring(MODEL.length()) : name;
    }

    /** Whether a tensor belongs to another model. */
    boolean isForeign(String name) {
        return !name.startsWith(prefix) && !name.equals(apply("lm_head.weight"));
    }
}
