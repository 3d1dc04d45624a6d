package dev.millrace.server.cli;

import dev.millrace.engine.DeviceLane;
import dev.millrace.models.text.Tokenizer;
import dev.millrace.server.config.ServerConfig;
import dev.millrace.server.config.Setting;
import dev.millrace.server.wiring.LoadedModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code millrace perplexity}: how well a model predicts a text, by llama.cpp's convention. */
@Command(name = "perplexity", description = "Measure how well a model predicts a text.", footer = {
    "", "The text is cut into chunks of --ctx tokens; each begins with the start",
    "token, and the second half of each is scored."})
final class PerplexityCommand implements Callable<Integer> {

    private final CommandContext context;

    @Mixin
    private ComputeOptions compute = new ComputeOptions();

    @Parameters(index = "0", paramLabel = "MODEL", description = "A model (see: millrace --help).")
    private String reference;

    @Parameters(index = "1", paramLabel = "FILE", description = "A UTF-8 text.")
    private Path text;

    @Option(names = "--ctx", paramLabel = "N", defaultValue = "512",
            description = "Tokens in a chunk (default: ${DEFAULT-VALUE}).")
    private int chunkTokens;

    @Option(names = "--chunks", paramLabel = "N", defaultValue = "0",
            description = "Chunks to score; 0 for all (default: ${DEFAULT-VALUE}).")
    private int mostChunks;

    PerplexityCommand(CommandContext context) {
        this.context = context;
    }

    @Override
    public Integer call() throws IOException, InterruptedException {
        if (chunkTokens < Perplexity.LEAST_CHUNK_TOKENS || mostChunks < 0) {
            throw new IllegalArgumentException("--ctx must be at least "
                    + Perplexity.LEAST_CHUNK_TOKENS + " and --chunks not negative, got "
                    + chunkTokens + " and " + mostChunks);
        }
        if (Files.isDirectory(text)) {
            throw new CommandException(text + " is a folder; name a text file");
        }
        String content = CommandContext.decode(Files.readAllBytes(text), text.toString());
        compute.set(Setting.SEQUENCES, "1");
        compute.set(Setting.CONTEXT, String.valueOf(chunkTokens));
        ServerConfig config = compute.load(context);
        Path file = context.resolve(reference);
        try (LoadedModel loaded = LoadedModel.open(file, config, new DeviceLane(),
                Duration.ZERO)) {
            Tokenizer tokenizer = Tokenizers.of(loaded.model());
            int[] tokens = tokenizer.encode(content, true);
            int chunks = tokens.length / chunkTokens;
            if (chunks == 0) {
                throw new IllegalArgumentException(text + " has " + tokens.length + " tokens, but"
                        + " one chunk takes " + chunkTokens + "; take a longer text or less --ctx");
            }
            score(loaded, tokenizer, tokens,
                    mostChunks == 0 ? chunks : Math.min(chunks, mostChunks));
        }
        return 0;
    }

    private void score(LoadedModel loaded, Tokenizer tokenizer, int[] tokens, int chunks) {
        int start = tokenizer.addsStart() ? tokenizer.startToken() : -1;
        Perplexity perplexity = new Perplexity(loaded, start, chunkTokens);
        context.err().printf(Locale.ROOT, "%d tokens, %d chunks of %d, %s%n", tokens.length, chunks,
                chunkTokens, loaded.backend().description());
        for (int chunk = 0; chunk < chunks; chunk++) {
            perplexity.score(tokens, chunk * chunkTokens);
            context.out().printf(Locale.ROOT, "[%d] %.4f%n", chunk + 1, perplexity.value());
        }
        context.out().printf(Locale.ROOT, "perplexity %.4f +- %.4f%n", perplexity.value(),
                perplexity.error());
    }
}
