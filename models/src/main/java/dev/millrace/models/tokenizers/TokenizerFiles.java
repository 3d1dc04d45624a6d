package dev.millrace.models.tokenizers;

import dev.millrace.models.ModelException;
import dev.millrace.models.text.Tokenizer;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;

/** Opens the tokenizer of a Hugging Face directory, or one in a file of its own. */
public final class TokenizerFiles {

    private static final String JSON = "tokenizer.json";
    private static final byte[] GGUF_MAGIC = {'G', 'G', 'U', 'F'};

    private TokenizerFiles() {}

    /**
     * Opens a tokenizer. Beside a tokenizer.json, {@code tokenizer_config.json} and
     * {@code generation_config.json} are looked at for the start token and the end tokens.
     *
     * @param path a GGUF file, a tokenizer.json, or a directory that holds one
     * @throws ModelException if there is none, it is damaged, or it wants what this version cannot
     *                        do exactly
     */
    public static Tokenizer open(Path path) {
        Path file = Files.isDirectory(path) ? path.resolve(JSON) : path;
        if (!Files.isRegularFile(file)) {
            throw new ModelException("there is no tokenizer " + file);
        }
        return begins(file, GGUF_MAGIC)
                ? GgufTokenizerReader.open(file)
                : TokenizerJsonReader.read(file);
    }

    private static boolean begins(Path file, byte[] magic) {
        try (InputStream in = Files.newInputStream(file)) {
            return Arrays.equals(in.readNBytes(magic.length), magic);
        } catch (IOException e) {
            throw new ModelException("cannot read " + file + ": " + e.getMessage(), e);
        }
    }
}
