package dev.millrace.models;

import dev.millrace.models.text.Tokenizer;
import dev.millrace.models.tokenizers.TokenizerFiles;
import java.nio.file.Path;

/**
 * The tokenizer of a model directory.
 *
 * @param tokenizer null if there is none that this version reads
 * @param problem   why there is none; null where there is one
 */
record HfTokenizer(Tokenizer tokenizer, String problem) {

    /** A vocabulary may be smaller than the model's, which is often padded, but not larger. */
    static HfTokenizer read(Path directory, ModelSpec spec) {
        try {
            Tokenizer tokenizer = TokenizerFiles.open(directory);
            if (tokenizer.vocabularySize() > spec.vocabularySize()) {
                return new HfTokenizer(null, "the tokenizer in " + directory + " has "
                        + tokenizer.vocabularySize() + " tokens, but the model knows "
                        + spec.vocabularySize());
            }
            return new HfTokenizer(tokenizer, null);
        } catch (ModelException e) {
            return new HfTokenizer(null, e.getMessage());
        }
    }
}
