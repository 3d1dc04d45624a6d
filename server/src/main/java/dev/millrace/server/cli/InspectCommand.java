package dev.millrace.server.cli;

import dev.millrace.kernels.Dequantizer;
import dev.millrace.kernels.KvFormat;
import dev.millrace.kernels.QuantTensor;
import dev.millrace.kernels.cpu.CpuKernels;
import dev.millrace.models.ExpertSpec;
import dev.millrace.models.FeedForwardSpec;
import dev.millrace.models.Model;
import dev.millrace.models.ModelException;
import dev.millrace.models.ModelFootprint;
import dev.millrace.models.ModelSpec;
import dev.millrace.models.NearMisses;
import dev.millrace.models.TensorEntry;
import dev.millrace.models.store.ByteCounts;
import dev.millrace.models.store.Licence;
import dev.millrace.models.store.StoredModel;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code millrace inspect}: what a model file holds and what it needs. */
@Command(name = "inspect", description = "Show a model's metadata, tensors and memory needs.")
final class InspectCommand implements Callable<Integer> {

    /** Elements of a list, and characters of a text, that are shown. */
    private static final int SHOWN_ELEMENTS = 6;
    private static final int SHOWN_CHARACTERS = 100;

    private final CommandContext context;

    @Spec
    private CommandSpec spec;

    @Parameters(paramLabel = "MODEL", description = "A model (see: millrace --help).")
    private String reference;

    @Option(names = "--tensor", paramLabel = "NAME", description = "Show this tensor only.")
    private String tensor;

    @Option(names = "--values", description = "Print the tensor's dequantised values, one row per"
            + " line.")
    private boolean values;

    private Path file;
    private Optional<StoredModel> stored;

    InspectCommand(CommandContext context) {
        this.context = context;
    }

    @Override
    public Integer call() throws InterruptedException {
        if (values && tensor == null) {
            throw new ParameterException(spec.commandLine(), "--values needs --tensor NAME");
        }
        file = context.resolve(reference);
        stored = context.stored(reference);
        try (Model model = Model.open(file)) {
            if (values) {
                printValues(model.tensor(tensor));
            } else if (tensor != null) {
                printTensors(List.of(entry(model.tensors())));
            } else {
                printOverview(model);
            }
        }
        return 0;
    }

    private TensorEntry entry(List<TensorEntry> tensors) {
        return tensors.stream().filter(entry -> entry.name().equals(tensor)).findFirst()
                .orElseThrow(() -> new ModelException("the model has no tensor \"" + tensor + "\""
                        + NearMisses.hint(tensor, tensors.stream().map(TensorEntry::name)
                                .toList())));
    }

    private static String parameters(ModelSpec sizes, long all) {
        long active = sizes.activeParameters(all);
        return String.format("%,d", all)
                + (active == all ? "" : String.format(", of which %,d a token", active));
    }

    private static String feedForward(ModelSpec sizes) {
        FeedForwardSpec network = sizes.layerSpecs().getLast().feedForward();
        ExpertSpec experts = network.experts();
        return network.size() + (experts == null
                ? ""
                : " in each of " + experts.count() + " experts, " + experts.chosen() + " a token");
    }

    private Licence licence(Model model) {
        return stored.flatMap(StoredModel::terms)
                .orElseGet(() -> Licence.ofModel(file, model.metadata()));
    }

    private void printProvenance(StoredModel model) {
        TextTable table = new TextTable("SOURCE", model.source());
        model.revision().ifPresent(commit -> table.row("commit", commit));
        table.row("pulled", model.pulled().toString());
        model.files().forEach(file -> table.row("sha256", file.sha256() + "  " + file.name()));
        table.print(context.out());
        context.out().println();
    }

    private void printOverview(Model model) {
        PrintStream out = context.out();
        ModelSpec sizes = model.spec();
        ModelFootprint footprint = model.footprint(KvFormat.F16);
        new TextTable("MODEL", sizes.name())
                .row("architecture", sizes.architecture())
                .row("parameters", parameters(sizes, footprint.parameters()))
                .row("layers", String.valueOf(sizes.layers()))
                .row("embedding", String.valueOf(sizes.embeddingSize()))
                .row("feed forward", feedForward(sizes))
                .row("heads", sizes.heads() + " of " + sizes.headSize() + ", " + sizes.kvHeads()
                        + " for keys and values")
                .row("vocabulary", String.valueOf(sizes.vocabularySize()))
                .row("context", sizes.contextTokens() + " tokens")
                .row("tokenizer", model.tokenizer().map(found -> "yes")
                        .orElseGet(() -> "none: " + model.tokenizerProblem().orElse("")))
                .row("chat template", model.chatTemplate().map(found -> "yes")
                        .orElseGet(() -> "none: " + model.chatTemplateProblem().orElse("")))
                .row("licence", licence(model).toString())
                .print(out);
        out.println();
        stored.ifPresent(this::printProvenance);
        printMemory(model);
        out.println();
        TextTable metadata = new TextTable("METADATA", "");
        model.metadata().forEach((key, value) -> metadata.row(key, shown(value)));
        metadata.print(out);
        out.println();
        printTypes(model.tensors());
        out.println();
        printTensors(model.tensors());
    }

    /** The file is mapped and can be paged out; what stays is what the kernels pack from it. */
    private void printMemory(Model model) {
        long packedBytes = packedBytes(model);
        new TextTable("MEMORY", "")
                .row("weights in the file", ByteCounts.text(model.weights().totalBytes()))
                .row("weights, packed", ByteCounts.text(packedBytes))
                .print(context.out());
        context.out().println();
        TextTable caches = new TextTable("CACHE", "PER TOKEN", "WITH ONE FULL CONTEXT",
                "WITH EIGHT");
        for (KvFormat format : KvFormat.values()) {
            ModelFootprint inFile = model.footprint(format);
            ModelFootprint packed = new ModelFootprint(inFile.parameters(), packedBytes,
                    inFile.kvBytesPerToken(), inFile.contextTokens());
            caches.row(format.name().toLowerCase(Locale.ROOT),
                    ByteCounts.text(packed.kvBytesPerToken()),
                    ByteCounts.text(packed.bytes(packed.contextTokens())),
                    ByteCounts.text(packed.bytes(8L * packed.contextTokens())));
        }
        caches.print(context.out());
    }

    private static long packedBytes(Model model) {
        long bytes = 0;
        for (TensorEntry entry : model.tensors()) {
            boolean matrix = entry.computable() && entry.shape().rows() > 1;
            bytes += matrix
                    ? CpuKernels.packedBytes(entry.format(), entry.shape())
                    : entry.bytes();
        }
        return bytes;
    }

    private void printTypes(List<TensorEntry> tensors) {
        Map<String, List<TensorEntry>> byType = tensors.stream()
                .collect(Collectors.groupingBy(TensorEntry::type, TreeMap::new,
                        Collectors.toList()));
        TextTable table = new TextTable("TYPE", "TENSORS", "SIZE", "MATRICES, PACKED");
        byType.forEach((type, entries) -> table.row(type, String.valueOf(entries.size()),
                ByteCounts.text(entries.stream().mapToLong(TensorEntry::bytes).sum()),
                entries.getFirst().computable()
                        ? CpuKernels.packedForm(entries.getFirst().format())
                        : "(not computable)"));
        table.print(context.out());
    }

    private void printTensors(List<TensorEntry> tensors) {
        TextTable table = new TextTable("TENSOR", "TYPE", "SHAPE", "SIZE");
        for (TensorEntry entry : tensors) {
            table.row(entry.name(), entry.type() + (entry.computable() ? "" : " (not computable)"),
                    entry.shape().toString(), ByteCounts.text(entry.bytes()));
        }
        table.print(context.out());
    }

    private void printValues(QuantTensor tensor) {
        long rows = tensor.shape().planes() * tensor.shape().rows();
        int columns = Math.toIntExact(tensor.shape().columns());
        Dequantizer dequantizer = new Dequantizer(tensor.format());
        float[] row = new float[columns];
        StringBuilder line = new StringBuilder();
        for (long r = 0; r < rows && !context.out().checkError(); r++) {
            dequantizer.dequantize(tensor, r * columns, columns, row, 0);
            line.setLength(0);
            for (int c = 0; c < columns; c++) {
                line.append(c == 0 ? "" : " ").append(row[c]);
            }
            context.out().println(line);
        }
    }

    private static String shown(Object value) {
        if (value instanceof List<?> list) {
            String elements = list.stream().limit(SHOWN_ELEMENTS).map(InspectCommand::shown)
                    .reduce((left, right) -> left + ", " + right).orElse("");
            return "[" + elements + (list.size() > SHOWN_ELEMENTS
                    ? ", ... " + list.size() + " in all"
                    : "") + "]";
        }
        String text = value.toString().replace("\n", "\\n");
        return text.length() <= SHOWN_CHARACTERS
                ? text
                : text.substring(0, SHOWN_CHARACTERS) + "... " + text.length()
                        + " characters in all";
    }
}
