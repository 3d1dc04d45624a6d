package dev.millrace.server.cli;

import dev.millrace.kernels.WorkerPool;
import dev.millrace.models.Model;
import dev.millrace.models.ModelException;
import dev.millrace.models.gguf.GgufException;
import dev.millrace.models.gguf.GgufFile;
import dev.millrace.models.quantize.DirectoryQuantizer;
import dev.millrace.models.quantize.FileQuantizer;
import dev.millrace.models.quantize.ImportanceMatrix;
import dev.millrace.models.quantize.QuantizedFile;
import dev.millrace.models.store.ByteCounts;
import dev.millrace.models.store.PullProgress;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.function.LongConsumer;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code millrace quantize}: writes a model with weights of fewer bits. */
@Command(name = "quantize", description = "Write a model with weights of fewer bits.", footer = {
    "", "TYPE is q8_0, q6_k, q5_k_m, q4_k_m, q4_0, f16 and so on: the mixture of types that",
    "llama-quantize makes of that name. Quantise from F32, F16 or BF16: what a model lost",
    "in an earlier quantisation does not come back."})
final class QuantizeCommand implements Callable<Integer> {

    private static final String PARTIAL = ".partial";

    private final CommandContext context;

    @Parameters(index = "0", paramLabel = "IN", description = "A model (see: millrace --help).")
    private String in;

    @Parameters(index = "1", paramLabel = "OUT.gguf", description = "The file to write.")
    private Path out;

    @Parameters(index = "2", paramLabel = "TYPE", description = "What to make of the weights.")
    private String type;

    @Option(names = "--pure", description = "Give every matrix the type TYPE.")
    private boolean pure;

    @Option(names = "--imatrix", paramLabel = "FILE", description = "How much each column counts:"
            + " an importance matrix by llama-imatrix, .gguf or .dat.")
    private Path importance;

    @Option(names = "--threads", paramLabel = "N", description = "Worker threads (default: one"
            + " per processor).")
    private int threads = WorkerPool.defaultWorkers();

    @Option(names = "--force", description = "Overwrite an existing file.")
    private boolean force;

    QuantizeCommand(CommandContext context) {
        this.context = context;
    }

    @Override
    public Integer call() throws IOException, InterruptedException {
        Path source = context.resolve(in);
        requireNew(source);
        try (WorkerPool pool = WorkerPool.create(threads)) {
            if (Files.isDirectory(source)) {
                quantizeDirectory(source, pool);
            } else {
                quantizeFile(source, pool);
            }
        }
        return 0;
    }

    private void quantizeFile(Path source, WorkerPool pool) throws IOException {
        try (GgufFile file = GgufFile.open(source)) {
            write(new FileQuantizer(file, type, pure, importance(), pool));
        } catch (GgufException e) {
            throw new ModelException(e.getMessage(), e);
        }
    }

    private void quantizeDirectory(Path source, WorkerPool pool) throws IOException {
        try (Model model = Model.open(source)) {
            write(new DirectoryQuantizer(model, source, type, pure, importance(), pool));
        }
    }

    private ImportanceMatrix importance() {
        return importance == null ? null : ImportanceMatrix.read(importance);
    }

    private void requireNew(Path source) throws IOException {
        if (!Files.exists(out)) {
            return;
        }
        if (Files.isSameFile(source, out)) {
            throw new IllegalArgumentException("IN and OUT are the same file, " + out);
        }
        if (!force) {
            throw new IllegalArgumentException(
                    out + " exists; choose another name, or --force to overwrite it");
        }
    }

    /** Nobody finds half a model: the file gets its name when it is whole. */
    private void write(QuantizedFile quantizer) throws IOException {
        long begun = System.nanoTime();
        Path partial = out.resolveSibling(out.getFileName() + PARTIAL);
        try (ProgressDisplay display = new ProgressDisplay(context.err(), context.columns())) {
            try (FileChannel channel = FileChannel.open(partial, StandardOpenOption.CREATE,
                    StandardOpenOption.WRITE, StandardOpenOption.TRUNCATE_EXISTING)) {
                long total = quantizer.totalBytes();
                long started = System.nanoTime();
                LongConsumer progress = bytes -> display.progress(new PullProgress(
                        String.valueOf(out.getFileName()), bytes, total,
                        bytes * 1e9 / Math.max(1, System.nanoTime() - started)));
                quantizer.write(channel, progress);
                progress.accept(total);
            }
            Files.move(partial, out, StandardCopyOption.REPLACE_EXISTING);
        } finally {
            Files.deleteIfExists(partial);
        }
        report(quantizer, (System.nanoTime() - begun) / 1e9);
    }

    private void report(QuantizedFile quantizer, double seconds) throws IOException {
        context.out().printf(Locale.ROOT, "%s: %s in %.1f s; tensors: %s%n", out,
                ByteCounts.text(Files.size(out)), seconds,
                quantizer.typeCounts().entrySet().stream()
                        .map(entry -> entry.getValue() + " " + entry.getKey())
                        .collect(Collectors.joining(", ")));
    }
}
