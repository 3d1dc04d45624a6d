package dev.millrace.server.cli;

import dev.millrace.engine.forward.BackendException;
import dev.millrace.engine.forward.ForwardPass.DeviceMemory;
import dev.millrace.kernels.Dequantizer;
import dev.millrace.kernels.KernelException;
import dev.millrace.kernels.KvFormat;
import dev.millrace.kernels.QuantTensor;
import dev.millrace.models.EncoderModel;
import dev.millrace.models.Model;
import dev.millrace.models.ModelException;
import dev.millrace.models.NearMisses;
import dev.millrace.models.OpenedModel;
import dev.millrace.models.TensorEntry;
import dev.millrace.models.store.Licence;
import dev.millrace.models.store.StoredModel;
import dev.millrace.server.cli.ModelReport.Cache;
import dev.millrace.server.cli.ModelReport.Forecast;
import dev.millrace.server.cli.ModelReport.Memory;
import dev.millrace.server.cli.ModelReport.Origin;
import dev.millrace.server.cli.ModelReport.Provenance;
import dev.millrace.server.cli.ModelReport.Terms;
import dev.millrace.server.config.ServerConfig;
import dev.millrace.server.config.Setting;
import dev.millrace.server.wiring.MemoryForecast;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code millrace inspect}: what a model file holds and what it needs. */
@Command(name = "inspect", description = "Show a model's metadata, tensors and memory needs.")
final class InspectCommand implements Callable<Integer> {

    private final CommandContext context;

    @Spec
    private CommandSpec spec;

    @Mixin
    private ComputeOptions compute = new ComputeOptions();

    @Parameters(paramLabel = "MODEL", description = "A model (see: millrace --help).")
    private String reference;

    @Option(names = "--tensor", paramLabel = "NAME", description = "Show this tensor only.")
    private String tensor;

    @Option(names = "--values", description = "Print the tensor's dequantised values, one row per"
            + " line.")
    private boolean values;

    @Option(names = "--json", description = "Print one JSON object"
            + " (docs/json/inspect.schema.json).")
    private boolean json;

    private Path file;

    InspectCommand(CommandContext context) {
        this.context = context;
    }

    @Option(names = "--context", paramLabel = "N", description = "Longest sequence to reckon the"
            + " memory for (default: the model's, at most 8192).")
    void contextTokens(String value) {
        compute.set(Setting.CONTEXT, value);
    }

    @Option(names = {"--sequences", "--parallel"}, paramLabel = "N",
            description = "Sequences to reckon the memory for (default: 8).")
    void sequences(String value) {
        compute.set(Setting.SEQUENCES, value);
    }

    @Override
    public Integer call() throws InterruptedException {
        if (values && tensor == null) {
            throw new ParameterException(spec.commandLine(), "--values needs --tensor NAME");
        }
        if (json && tensor != null) {
            throw new ParameterException(spec.commandLine(), "--json is of the whole model;"
                    + " leave out --tensor");
        }
        ServerConfig config = compute.load(context);
        file = context.resolve(reference);
        try (OpenedModel model = OpenedModel.open(file)) {
            if (values) {
                printValues(model.tensor(tensor));
            } else if (tensor != null) {
                ModelReportTables.printTensors(List.of(ModelReport.tensor(entry(model.tensors()),
                        new Forecast(null, null, Map.of()))), context.out());
            } else {
                print(report(model, config), model.metadata());
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

    private ModelReport report(OpenedModel model, ServerConfig config) {
        Optional<StoredModel> stored = context.stored(reference);
        Licence licence = stored.flatMap(StoredModel::terms)
                .orElseGet(() -> Licence.ofModel(file, model.metadata()));
        Origin origin = new Origin(file.toString(), Terms.of(licence),
                stored.map(Provenance::of).orElse(null), forecast(model, config),
                JsonOutput.shortened(model.metadata()));
        return switch (model) {
            case EncoderModel encoder -> ModelReport.of(encoder, origin);
            case Model decoder -> ModelReport.of(decoder, origin);
        };
    }

    private static Forecast forecast(OpenedModel model, ServerConfig config) {
        try {
            return switch (model) {
                case EncoderModel encoder -> forecast(MemoryForecast.of(encoder, config),
                        encoder.tensors().stream().mapToLong(TensorEntry::bytes).sum());
                case Model decoder -> forecast(MemoryForecast.of(decoder, config),
                        decoder.weights().totalBytes());
            };
        } catch (ModelException | BackendException | KernelException e) {
            return new Forecast(null, e.getMessage(), Map.of()); // the rest can be shown still
        }
    }

    private static Forecast forecast(MemoryForecast forecast, long fileBytes) {
        DeviceMemory memory = forecast.memory();
        return new Forecast(new Memory(forecast.backend(), forecast.contextTokens(),
                forecast.sequences(), forecast.stepTokens(),
                forecast.chosen() == null ? null : name(forecast.chosen()), fileBytes,
                memory.weightBytes(), memory.stepWeightBytes(), memory.bufferBytes(),
                memory.cacheBytes(), memory.totalBytes(), forecast.limitBytes(), forecast.fits(),
                forecast.shares(),
                forecast.caches().stream()
                        .map(cache -> new Cache(name(cache.format()), cache.bytesPerToken(),
                                cache.bytesPerSequence(), cache.totalBytes()))
                        .toList()),
                null, forecast.packedForms());
    }

    private static String name(KvFormat format) {
        return format.name().toLowerCase(Locale.ROOT);
    }

    private void print(ModelReport report, Map<String, Object> metadata) {
        if (json) {
            context.out().println(JsonOutput.text(report));
        } else {
            new ModelReportTables(report, context.out()).print(metadata);
        }
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
}
