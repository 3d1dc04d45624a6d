package dev.millrace.models.tokenizers;

import dev.millrace.models.ModelException;
import dev.millrace.models.gguf.GgufEntries;
import dev.millrace.models.text.Tokenizer;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;

/** Opens the tokenizer of a Hugging Face directory, or one in a file of its own. */
public final class TokenizerFiles {

    private static final String JSON = "tokenizer.json";
    private static final String MODEL = "tokenizer.model";
    private static final byte[] GGUF_MAGIC = {'G', 'G', 'U', 'F'};
    /** Every SentencePiece model begins with a piece: field 1, of bytes. */
    private static final byte[] PIECES_TAG = {1 << 3 | 2};

    private TokenizerFiles() {}

    /**
     * Opens a tokenizer. Beside a tokenizer.json or a tokenizer.model, tokenizer_config.json and
     * generation_config.json are looked at for the start token and the end tokens.
     *
     * @param path a GGUF file, a tokenizer.json, a SentencePiece model, or a directory that holds a
     *             tokenizer.json or a tokenizer.model
     * @throws ModelException if there is none, it is damaged, or it wants what this version cannot
     *                        do exactly
     */
    public static Tokenizer open(Path path) {
        Path file = Files.isDirectory(path) ? inside(path) : path;
        if (!Files.isRegularFile(file)) {
            throw new ModelException("there is no tokenizer " + file);
        }
        if (begins(file, GGUF_MAGIC)) {
            return GgufTokenizerReader.open(file);
        }
        return begins(file, PIECES_TAG) && !file.toString().endsWith(".json")
                ? SentencePieceReader.read(file)
                : TokenizerJsonReader.read(file);
    }

    /**
     * Writes the SentencePiece model of a directory that has no tokenizer.json as the metadata of a
     * GGUF file.
     *
     * @param vocabularySize rows of the model's embedding
     * @return whether there was one
     * @throws ModelException if it is damaged, or GGUF has no words for what it does
     */
    public static boolean writeSentencePiece(Path directory, int vocabularySize,
            GgufEntries out) {
        Path file = inside(directory);
        boolean found = file.endsWith(MODEL);
        if (found) {
            SentencePieceReader.write(file, vocabularySize, out);
        }
        return found;
    }

    private static Path inside(Path directory) {
        Path model = directory.resolve(MODEL);
        return !Files.exists(directory.resolve(JSON)) && Files.isRegularFile(model)
                ? model
                : directory.resolve(JSON);
    }

    private static boolean begins(Path file, byte[] magic) {
        try (InputStream in = Files.newInputStream(file)) {
            return Arrays.equals(in.readNBytes(magic.length), magic);
        } catch (IOException e) {
            throw new ModelException("cannot read " + file + ": " + e.getMessage(), e);
        }
    }
}
