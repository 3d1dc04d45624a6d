package dev.millrace.server.cli;

import dev.millrace.engine.DeviceLane;
import dev.millrace.engine.forward.OutputRequest;
import dev.millrace.models.ModelException;
import dev.millrace.server.config.ServerConfig;
import dev.millrace.server.config.Setting;
import dev.millrace.server.metering.report.Fidelity;
import dev.millrace.server.metering.report.FidelityFile;
import dev.millrace.server.wiring.LoadedAdapter;
import dev.millrace.server.wiring.LoadedModel;
import dev.millrace.server.wiring.SingleSequence;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import tools.jackson.databind.json.JsonMapper;

/** {@code millrace compare}: what a cheaper form of a model costs in fidelity. */
@Command(name = "compare",
        description = "Measure how far a model's predictions are from a reference's.", footer = {
            "", "Both must have the same vocabulary: a quantised model and its original, say. The",
            "text is cut as 'perplexity' does it. Both models are in memory at once."})
final class CompareCommand implements Callable<Integer> {

    /** Positions whose logits are held at once: 17 MB for each model of 128,256 tokens. */
    private static final int LOGIT_POSITIONS = 32;

    private final CommandContext context;

    @Mixin
    private ComputeOptions compute = new ComputeOptions();

    @Mixin
    private ChunkOptions chunking = new ChunkOptions();

    @Parameters(index = "0", paramLabel = "REFERENCE", description = "The model to be true to.")
    private String reference;

    @Parameters(index = "1", paramLabel = "MODEL", description = "The model to be judged.")
    private String judged;

    @Parameters(index = "2", paramLabel = "FILE", description = "A UTF-8 text.")
    private Path file;

    @Option(names = "--lora", paramLabel = "PATH", description = "A LoRA adapter of the judged"
            + " model, a directory as PEFT writes it or a GGUF file: what it changes.")
    private Path adapter;

    @Option(names = "--json", description = "Print the result as one JSON object.")
    private boolean json;

    CompareCommand(CommandContext context) {
        this.context = context;
    }

    @Override
    public Integer call() throws IOException, InterruptedException {
        chunking.check();
        String text = TextChunks.read(file);
        chunking.applyTo(compute);
        ServerConfig config = compute.load(context);
        Path fileA = context.resolve(reference);
        Path fileB = context.resolve(judged);
        try (LoadedModel a = LoadedModel.open(fileA, config, new DeviceLane(), Duration.ZERO);
                LoadedModel b = openBeside(a, fileB)) {
            TextChunks chunks = sharedChunks(a, b, text);
            context.err().printf(Locale.ROOT, "%d tokens, %d chunks of %d, %s%n",
                    chunks.tokens().length, chunking.count(chunks), chunking.chunkTokens(),
                    a.backend().description());
            Divergence found = compare(a, b, chunks);
            print(found);
            keep(found, fileB);
        }
        return 0;
    }

    /** The second model has the memory that the first one left. */
    private LoadedModel openBeside(LoadedModel a, Path fileB) {
        long left = a.memoryBytes() - a.pass().memory().totalBytes();
        compute.set(Setting.MEMORY, Math.max(1, left) + "B");
        return LoadedModel.open(fileB, compute.load(context), new DeviceLane(), Duration.ZERO,
                Stream.ofNullable(adapter).toList());
    }

    private TextChunks sharedChunks(LoadedModel a, LoadedModel b, String text) {
        TextChunks chunks = chunking.cut(file, text, a.model().requiredTokenizer());
        TextChunks other = chunking.cut(file, text, b.model().requiredTokenizer());
        if (a.spec().vocabularySize() != b.spec().vocabularySize()
                || chunks.startToken() != other.startToken()
                || !Arrays.equals(chunks.tokens(), other.tokens())) {
            throw new ModelException(reference + " and " + judged + " have different vocabularies,"
                    + " so their predictions cannot be compared; compare forms of one model, or"
                    + " their perplexities by 'millrace perplexity'");
        }
        return chunks;
    }

    private Divergence compare(LoadedModel a, LoadedModel b, TextChunks chunks) {
        Divergence divergence = new Divergence();
        SingleSequence sequenceA = new SingleSequence(a, chunking.chunkTokens());
        SingleSequence sequenceB = new SingleSequence(b, chunking.chunkTokens(),
                LoadedAdapter.slotOf(adapter, b));
        for (int chunk = 0; chunk < chunking.count(chunks); chunk++) {
            add(divergence, sequenceA, sequenceB, chunks, chunk, a.spec().vocabularySize());
            context.err().printf(Locale.ROOT, "[%d] divergence %.6f, same choice %.2f %%%n",
                    chunk + 1, divergence.mean(), 100 * divergence.agreement());
        }
        return divergence;
    }

    private void add(Divergence divergence, SingleSequence a, SingleSequence b, TextChunks chunks,
            int chunk, int vocabulary) {
        int[] inputs = chunks.inputs(chunk);
        int[] targets = chunks.targets(chunk);
        int from = 0;
        while (from < chunking.chunkTokens() - 1) {
            boolean scored = from >= chunks.firstScored();
            int to = chunks.stepEnd(from, scored
                    ? Math.min(a.stepTokens(), LOGIT_POSITIONS)
                    : a.stepTokens());
            int[] tokens = Arrays.copyOfRange(inputs, from, to);
            OutputRequest output = scored
                    ? new OutputRequest.FullLogits(to - from)
                    : OutputRequest.NONE;
            float[] logitsA = a.step(tokens, from, output).values();
            float[] logitsB = b.step(tokens, from, output).values();
            for (int i = 0; scored && i < tokens.length; i++) {
                divergence.add(logitsA, logitsB, i * vocabulary, vocabulary,
                        targets[from + i + 1]);
            }
            from = to;
        }
    }

    /** The meter shows it beside what the model costs. */
    private void keep(Divergence found, Path fileB) {
        String name = CommandContext.servedName(context.stored(judged), fileB)
                + (adapter == null ? "" : ":" + adapter.getFileName());
        new FidelityFile(context.home()).add(new Fidelity(name, reference,
                file.getFileName().toString(), found.positions(), found.mean(),
                found.agreement(), found.perplexityB(), found.perplexityA(),
                LocalDate.now(ZoneOffset.UTC)));
        context.err().println("kept for './millrace cost', where it stands beside what " + name
                + " costs");
    }

    private void print(Divergence found) {
        if (json) {
            Map<String, Object> map = new LinkedHashMap<>();
            map.put("reference", reference);
            map.put("model", judged);
            if (adapter != null) {
                map.put("adapter", adapter.toString());
            }
            map.put("text", file.toString());
            map.put("positions", found.positions());
            map.put("kl_divergence", found.mean());
            map.put("kl_divergence_error", found.meanError());
            map.put("kl_divergence_median", found.quantile(0.5));
            map.put("kl_divergence_p99", found.quantile(0.99));
            map.put("kl_divergence_most", found.quantile(1));
            map.put("same_choice", found.agreement());
            map.put("perplexity_reference", found.perplexityA());
            map.put("perplexity", found.perplexityB());
            map.put("probability_change_mean", found.meanChange());
            map.put("probability_change_rms", found.rootMeanSquareChange());
            context.out().println(JsonMapper.shared().writeValueAsString(map));
            return;
        }
        new TextTable("FIDELITY", "of " + judged + " to " + reference)
                .row("positions", String.valueOf(found.positions()))
                .row("same choice", percent(found.agreement()))
                .row("KL divergence", String.format(Locale.ROOT,
                        "%.6f +- %.6f nats; median %.6f, 99 %% %.6f, most %.6f", found.mean(),
                        found.meanError(), found.quantile(0.5), found.quantile(0.99),
                        found.quantile(1)))
                .row("perplexity", String.format(Locale.ROOT, "%.4f, reference %.4f (%+.2f %%)",
                        found.perplexityB(), found.perplexityA(),
                        100 * (found.perplexityB() / found.perplexityA() - 1)))
                .row("the text's token", percent(found.meanChange()) + " likelier, "
                        + percent(found.rootMeanSquareChange()) + " root mean square")
                .print(context.out());
    }

    private static String percent(double share) {
        return String.format(Locale.ROOT, "%.2f %%", 100 * share);
    }
}
