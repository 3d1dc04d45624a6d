package dev.millrace.bench.text;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import dev.millrace.bench.BenchException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;

/** Hugging Face's own tokenizers (Rust), as the Deep Java Library packages them. */
public final class HuggingFaceLibrary implements AutoCloseable {

    /** Longer than any text here, so that nothing is cut off. */
    private static final String MOST_TOKENS = Integer.toString(1 << 30);

    private final HuggingFaceTokenizer tokenizer;

    private HuggingFaceLibrary(HuggingFaceTokenizer tokenizer) {
        this.tokenizer = tokenizer;
    }

    /** @throws BenchException if the library refuses the tokenizer.json, or does not run here */
    public static HuggingFaceLibrary open(Path file) {
        try {
            return new HuggingFaceLibrary(HuggingFaceTokenizer.newInstance(file,
                    Map.of("truncation", "false", "padding", "false", "addSpecialTokens", "false",
                            "modelMaxLength", MOST_TOKENS)));
        } catch (IOException e) {
            throw new BenchException("Hugging Face's tokenizers cannot open " + file + ": "
                    + e.getMessage(), e);
        }
    }

    /** The tokens of a text, special ones found in it included but none added. */
    public int[] encode(String text) {
        return Arrays.stream(tokenizer.encode(text, false, false).getIds())
                .mapToInt(Math::toIntExact)
                .toArray();
    }

    @Override
    public void close() {
        tokenizer.close();
    }
}
