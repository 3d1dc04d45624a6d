package dev.millrace.server.cli;

import dev.millrace.engine.DeviceLane;
import dev.millrace.server.config.ServerConfig;
import dev.millrace.server.wiring.LoadedAdapter;
import dev.millrace.server.wiring.LoadedModel;
import dev.millrace.server.wiring.SingleSequence;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
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

    @Mixin
    private ChunkOptions chunking = new ChunkOptions();

    @Parameters(index = "0", paramLabel = "MODEL", description = "A model (see: millrace --help).")
    private String reference;

    @Parameters(index = "1", paramLabel = "FILE", description = "A UTF-8 text.")
    private Path text;

    @Option(names = "--lora", paramLabel = "PATH", description = "A LoRA adapter: a directory as"
            + " PEFT writes it or a GGUF file.")
    private Path adapter;

    PerplexityCommand(CommandContext context) {
        this.context = context;
    }

    @Override
    public Integer call() throws IOException, InterruptedException {
        chunking.check();
        String content = TextChunks.read(text);
        chunking.applyTo(compute);
        ServerConfig config = compute.load(context);
        Path file = context.resolve(reference);
        try (LoadedModel loaded = LoadedModel.open(file, config, new DeviceLane(),
                Duration.ZERO, Stream.ofNullable(adapter).toList())) {
            score(loaded, chunking.cut(text, content, loaded.model().requiredTokenizer()));
        }
        return 0;
    }

    private void score(LoadedModel loaded, TextChunks chunks) {
        Perplexity perplexity = new Perplexity(new SingleSequence(loaded, chunking.chunkTokens(),
                LoadedAdapter.slotOf(adapter, loaded)), chunks);
        int count = chunking.count(chunks);
        context.err().printf(Locale.ROOT, "%d tokens, %d chunks of %d, %s%n",
                chunks.tokens().length, count, chunking.chunkTokens(),
                loaded.backend().description());
        for (int chunk = 0; chunk < count; chunk++) {
            perplexity.score(chunk);
            context.out().printf(Locale.ROOT, "[%d] %.4f%n", chunk + 1, perplexity.value());
        }
        context.out().printf(Locale.ROOT, "perplexity %.4f +- %.4f%n", perplexity.value(),
                perplexity.error());
    }
}
