package dev.millrace.server.cli;

import dev.millrace.models.text.Tokenizer;
import dev.millrace.server.config.Setting;
import java.nio.file.Path;
import picocli.CommandLine.Option;

/** How much of a text is scored, and in chunks of what length. */
final class ChunkOptions {

    @Option(names = "--ctx", paramLabel = "N", defaultValue = "512",
            description = "Tokens in a chunk (default: ${DEFAULT-VALUE}).")
    private int chunkTokens;

    @Option(names = "--chunks", paramLabel = "N", defaultValue = "0",
            description = "Chunks to score; 0 for all (default: ${DEFAULT-VALUE}).")
    private int mostChunks;

    /** Tokens in a chunk. */
    int chunkTokens() {
        return chunkTokens;
    }

    /** @throws IllegalArgumentException if the options ask for what cannot be scored */
    void check() {
        if (chunkTokens < TextChunks.LEAST_CHUNK_TOKENS || mostChunks < 0) {
            throw new IllegalArgumentException("--ctx must be at least "
                    + TextChunks.LEAST_CHUNK_TOKENS + " and --chunks not negative, got "
                    + chunkTokens + " and " + mostChunks);
        }
    }

    /** Makes a model's room what one chunk needs. */
    void applyTo(ComputeOptions compute) {
        compute.set(Setting.SEQUENCES, "1");
        compute.set(Setting.CONTEXT, String.valueOf(chunkTokens));
    }

    TextChunks cut(Path file, String text, Tokenizer tokenizer) {
        return TextChunks.of(file, text, tokenizer, chunkTokens);
    }

    /** As many of the chunks as are wanted. */
    int count(TextChunks chunks) {
        return mostChunks == 0 ? chunks.count() : Math.min(chunks.count(), mostChunks);
    }
}
