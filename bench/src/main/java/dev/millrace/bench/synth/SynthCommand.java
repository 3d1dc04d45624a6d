package dev.millrace.bench.synth;

import dev.millrace.models.ModelSpec;
import dev.millrace.models.TensorMixture;
import dev.millrace.models.store.ByteCounts;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code bench synth}: a model file of any shape and type, with random weights. */
@Command(name = "synth",
        description = "Make a model of any shape and type with random weights, to measure with.")
public final class SynthCommand implements Callable<Integer> {

    private static final String PARTIAL = ".partial";

    @Parameters(index = "0", paramLabel = "SHAPE",
            description = "llama-135m, tinyllama, llama-1b, llama-3b, llama-7b, llama-8b, or"
                    + " settings such as layers=2,embedding=256,feed_forward=512,heads=4; a name"
                    + " may be followed by settings.")
    private String shape;

    @Parameters(index = "1", paramLabel = "TYPE",
            description = "q4_k_m, q4_0, f16 and so on, with the mixture of types that"
                    + " llama-quantize makes of that name.")
    private String type;

    @Parameters(index = "2", paramLabel = "OUT.gguf", description = "The file to write.")
    private Path out;

    @Option(names = "--pure", description = "Give every matrix the type TYPE.")
    private boolean pure;

    @Option(names = "--seed", paramLabel = "N",
            description = "The same seed makes the same file (default: ${DEFAULT-VALUE}).")
    private long seed = 1;

    @Option(names = "--force", description = "Overwrite an existing file.")
    private boolean force;

    @Override
    public Integer call() throws IOException {
        ModelSpec spec = ModelShape.parse(shape);
        var declared = SyntheticModel.declare(named(spec),
                TensorMixture.of(spec, type, pure), seed);
        if (Files.exists(out) && !force) {
            throw new IllegalArgumentException(
                    out + " exists; choose another name, or --force to overwrite it");
        }
        requireSpace(declared.file().totalBytes());
        long started = System.nanoTime();
        write(declared);
        double seconds = (System.nanoTime() - started) / 1e9;
        long bytes = Files.size(out);
        System.out.printf(Locale.ROOT, "%s: %s in %.1f s (%.2f GB/s); tensors: %s%n", out,
                ByteCounts.text(bytes), seconds, bytes / 1e9 / seconds,
                declared.typeCounts().entrySet().stream()
                        .map(entry -> entry.getValue() + " " + entry.getKey())
                        .collect(Collectors.joining(", ")));
        return 0;
    }

    /** The file says what it is. */
    private ModelSpec named(ModelSpec spec) {
        String name = "synthetic " + spec.name() + " " + (pure ? "pure " : "") + type;
        return spec.withName(name);
    }

    private void requireSpace(long bytes) throws IOException {
        Path folder = out.toAbsolutePath().getParent();
        if (!Files.isDirectory(folder)) {
            throw new IllegalArgumentException("there is no folder " + folder);
        }
        long free = Files.getFileStore(folder).getUsableSpace();
        if (free < bytes) {
            throw new IllegalArgumentException("the file takes " + ByteCounts.text(bytes) + ", but "
                    + folder + " has only " + ByteCounts.text(free) + " left");
        }
    }

    /** Nobody finds half a model: the file gets its name when it is whole. */
    private void write(SyntheticModel.Declared declared) throws IOException {
        Path partial = out.resolveSibling(out.getFileName() + PARTIAL);
        try {
            try (FileChannel channel = FileChannel.open(partial, StandardOpenOption.CREATE,
                    StandardOpenOption.WRITE, StandardOpenOption.TRUNCATE_EXISTING)) {
                declared.file().write(channel);
            }
            Files.move(partial, out, StandardCopyOption.REPLACE_EXISTING);
        } finally {
            Files.deleteIfExists(partial);
        }
    }
}
