package dev.millrace.server.cli;

import dev.millrace.models.text.Tokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;

/**
 * A text cut into chunks of tokens to be scored by llama.cpp's convention: each starts afresh,
 * its first token is replaced by the start token, and only its second half counts, so that every
 * scored token has some context.
 *
 * @param tokens      of the whole text
 * @param startToken  replaces each chunk's first token; -1 for models that want none
 * @param chunkTokens length of a chunk
 */
record TextChunks(int[] tokens, int startToken, int chunkTokens) {

    /** Below this a chunk's second half has nothing to score. */
    static final int LEAST_CHUNK_TOKENS = 4;

    /** Reads a file of UTF-8 text. */
    static String read(Path file) throws IOException {
        if (Files.isDirectory(file)) {
            throw new CommandException(file + " is a folder; name a text file");
        }
        return CommandContext.decode(Files.readAllBytes(file), file.toString());
    }

    /** @throws IllegalArgumentException if the text does not fill one chunk */
    static TextChunks of(Path file, String text, Tokenizer tokenizer, int chunkTokens) {
        TextChunks chunks = new TextChunks(tokenizer.encode(text, true),
                tokenizer.addsStart() ? tokenizer.startToken() : -1, chunkTokens);
        if (chunks.count() == 0) {
            throw new IllegalArgumentException(file + " has " + chunks.tokens.length
                    + " tokens, but one chunk takes " + chunkTokens
                    + "; take a longer text or less --ctx");
        }
        return chunks;
    }

    int count() {
        return tokens.length / chunkTokens;
    }

    /** What the model sees of a chunk. */
    int[] inputs(int chunk) {
        int[] inputs = targets(chunk);
        if (startToken >= 0) {
            inputs[0] = startToken;
        }
        return inputs;
    }

    /** The chunk as the text has it: the token at i + 1 is to be predicted at i. */
    int[] targets(int chunk) {
        return Arrays.copyOfRange(tokens, chunk * chunkTokens, (chunk + 1) * chunkTokens);
    }

    /** The first position whose prediction counts. The chunk's last token is a target only. */
    int firstScored() {
        return chunkTokens / 2;
    }

    /** Where a step from a position ends: no step crosses the middle. */
    int stepEnd(int from, int stepTokens) {
        return Math.min(from + stepTokens, from < firstScored() ? firstScored() : chunkTokens - 1);
    }
}
