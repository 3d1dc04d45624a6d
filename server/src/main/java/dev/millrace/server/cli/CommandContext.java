package dev.millrace.server.cli;

import dev.millrace.engine.cpu.packed.PackedFolder;
import dev.millrace.models.Model;
import dev.millrace.models.store.ModelStore;
import dev.millrace.models.store.StoredModel;
import dev.millrace.models.text.Tokenizer;
import dev.millrace.models.tokenizers.TokenizerFiles;
import dev.millrace.server.config.ServerConfig;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;

/**
 * What a command sees of the process that it runs in.
 *
 * @param in          standard input
 * @param out         for results
 * @param err         for everything else, so that results can be piped
 * @param typed       whether {@code in} is a keyboard
 * @param columns     width of the terminal behind {@code err}; 0 if there is none
 * @param environment variables
 */
public record CommandContext(InputStream in, PrintStream out, PrintStream err, boolean typed,
        int columns, Map<String, String> environment) {

    /** Most bytes that a command reads from standard input. */
    static final int MAX_INPUT_BYTES = 256 << 20;

    /** The context of this process. */
    public static CommandContext ofProcess() {
        return new CommandContext(System.in, System.out, System.err,
                Boolean.getBoolean("millrace.terminal.input"),
                Integer.getInteger("millrace.terminal.columns", 0), System.getenv());
    }

    /** Whether the user asked to see where failures come from. */
    boolean debug() {
        return !environment.getOrDefault("MILLRACE_DEBUG", "").isEmpty();
    }

    ModelStore openStore() {
        return ModelStore.open(environment);
    }

    /** The folder of models and of everything else that is kept. */
    Path home() {
        return ModelStore.root(environment);
    }

    /** The packed weights that starts before this one left. */
    PackedFolder packedWeights() {
        return ServerConfig.packedFolder(home());
    }

    /** The file of a model, pulled first if it is not here yet. */
    Path resolve(String reference) throws InterruptedException {
        try (ModelStore store = openStore();
                ProgressDisplay display = new ProgressDisplay(err, columns)) {
            return store.resolve(reference, display);
        }
    }

    /** What the store knows about a model that was resolved; empty for the user's own files. */
    Optional<StoredModel> stored(String reference) {
        try (ModelStore store = openStore()) {
            return store.find(reference);
        }
    }

    /** What a model is called where nobody names it: as the store has it, or by its file. */
    static String servedName(Optional<StoredModel> stored, Path file) {
        return stored.map(StoredModel::name).orElseGet(
                () -> file.getFileName().toString().replaceFirst("(?i)\\.gguf$", ""));
    }

    Model openModel(String reference) throws InterruptedException {
        return Model.open(resolve(reference));
    }

    /** The tokenizer alone: of a model, or in a file or directory of its own. */
    Tokenizer openTokenizer(String reference) throws InterruptedException {
        Path path = Path.of(reference);
        return TokenizerFiles.open(Files.exists(path) ? path : resolve(reference));
    }

    /** All of standard input as UTF-8 text. */
    String readInput() throws IOException {
        if (typed) {
            err.println("reading from the keyboard; end with ctrl-D");
        }
        byte[] bytes = in.readNBytes(MAX_INPUT_BYTES + 1);
        if (bytes.length > MAX_INPUT_BYTES) {
            throw new IllegalArgumentException("standard input has more than " + MAX_INPUT_BYTES
                    + " bytes");
        }
        return decode(bytes, "standard input");
    }

    /** Bytes as text. @param source what they are, for the message if they are not UTF-8 */
    static String decode(byte[] bytes, String source) {
        try {
            return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes))
                    .toString();
        } catch (CharacterCodingException e) {
            throw new IllegalArgumentException(source + " is not UTF-8 text", e);
        }
    }
}
