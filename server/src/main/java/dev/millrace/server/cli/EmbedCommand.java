package dev.millrace.server.cli;

import dev.millrace.server.config.Setting;
import dev.millrace.server.wiring.TextEmbedder;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;
import tools.jackson.databind.json.JsonMapper;

/** {@code millrace embed}: texts as vectors. */
@Command(name = "embed", description = "Turn texts into vectors of length one.", footer = {
    "", "Prints a JSON array for each text, in their order. An encoder pools as it was made to;",
    "of other models the state after the last token is taken."})
final class EmbedCommand implements Callable<Integer> {

    private final CommandContext context;

    @Mixin
    private ComputeOptions compute = new ComputeOptions();

    @Parameters(index = "0", paramLabel = "MODEL", description = "A model (see: millrace --help).")
    private String reference;

    @Parameters(index = "1..*", arity = "0..*", paramLabel = "TEXT",
            description = "Texts; without any, the lines of standard input.")
    private List<String> texts = new ArrayList<>();

    EmbedCommand(CommandContext context) {
        this.context = context;
    }

    @Override
    public Integer call() throws IOException, InterruptedException {
        List<String> wanted = texts.isEmpty() ? context.readInput().lines().toList() : texts;
        compute.set(Setting.SEQUENCES, "1");
        Path path = context.resolve(reference);
        try (TextEmbedder embedder = TextEmbedder.open(path, compute.load(context))) {
            for (float[] vector : embedder.embed(wanted)) {
                context.out().println(JsonMapper.shared().writeValueAsString(vector));
            }
        }
        return 0;
    }
}
