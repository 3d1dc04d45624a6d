package dev.millrace.models.tokenizers;

import dev.millrace.models.ModelException;
import dev.millrace.models.gguf.GgufMetadata;
import dev.millrace.models.text.Tokenizer;
import java.util.LinkedHashMap;
import java.util.Map;

/** A directory's tokenizer within the metadata of a GGUF file, text by text as its files were. */
public final class EmbeddedTokenizer {

    /** GGUF's own key for a whole tokenizer.json. */
    private static final String TOKENIZER_KEY = "tokenizer.huggingface.json";
    private static final String CONFIG_KEY = "millrace.tokenizer_config.json";
    private static final String GENERATION_KEY = "millrace.generation_config.json";

    /** The files of a directory by the keys that they have in a GGUF file. */
    public static final Map<String, String> KEYS = keys();

    private EmbeddedTokenizer() {}

    private static Map<String, String> keys() {
        Map<String, String> keys = new LinkedHashMap<>();
        keys.put(TOKENIZER_KEY, "tokenizer.json");
        keys.put(CONFIG_KEY, "tokenizer_config.json");
        keys.put(GENERATION_KEY, "generation_config.json");
        return keys;
    }

    /** Whether a file has its tokenizer in this form only. */
    public static boolean isIn(GgufMetadata metadata) {
        return metadata.has(TOKENIZER_KEY) && !metadata.has("tokenizer.ggml.model");
    }

    /**
     * Reads the tokenizer.
     *
     * @param vocabularySize rows of the model's embedding, which the tokens may not outnumber
     * @throws ModelException if it is damaged, or wants what this version cannot do exactly
     */
    public static Tokenizer read(GgufMetadata metadata, int vocabularySize, String source) {
        Tokenizer tokenizer = read(metadata, source);
        if (tokenizer.vocabularySize() > vocabularySize) {
            throw new ModelException("the tokenizer in " + source + " has "
                    + tokenizer.vocabularySize() + " tokens, but the model knows "
                    + vocabularySize);
        }
        return tokenizer;
    }

    private static Tokenizer read(GgufMetadata metadata, String source) {
        return TokenizerJsonReader.read(
                TokenizerJson.parse(metadata.requiredString(TOKENIZER_KEY), source),
                TokenizerJson.parseSmall(metadata.string(CONFIG_KEY).orElse("{}"), source),
                TokenizerJson.parseSmall(metadata.string(GENERATION_KEY).orElse("{}"), source));
    }
}
