package dev.millrace.server.config;

import dev.millrace.engine.cpu.packed.PackedFolder;
import dev.millrace.engine.cuda.CudaLaunches;
import dev.millrace.engine.cuda.CudaProducts;
import dev.millrace.engine.cuda.CudaProducts.Way;
import dev.millrace.engine.cuda.CudaSettings;
import dev.millrace.kernels.KvFormat;
import dev.millrace.kernels.cuda.CudaActivations;
import dev.millrace.models.TensorMixture;
import dev.millrace.server.batches.BatchPrice;
import dev.millrace.server.batches.BatchSettings;
import dev.millrace.server.dialogue.ToolFormat;
import dev.millrace.server.store.FileLimits;
import dev.millrace.server.store.StoreLimits;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import tools.jackson.databind.JsonNode;

/**
 * What the user wants of a server, checked. Built-in values are covered by {@code millrace.yaml},
 * those by the environment, those by the command line.
 *
 * @param models        what to serve, at least one
 * @param host          address to listen on
 * @param port          0 for any free one
 * @param exposure      how else it can be reached
 * @param contextTokens longest sequence; 0 for what the model was made for, within reason
 * @param sequences     most sequences in one step
 * @param stepTokens    most tokens in one step
 * @param queue         most requests that wait
 * @param memoryBytes   for weights, cache and buffers; 0 for most of what the machine has
 * @param cacheFormat   how keys and values are kept
 * @param quantize      the type that weights get at load, where one was named
 * @param threads       worker threads; 0 for one per processor
 * @param backend       {@code auto}, {@code cpu} or {@code cuda}
 * @param gpus          which GPUs, and how many share a model or serve it side by side
 * @param cuda          how models run on one
 * @param kernels       {@code auto}, {@code native}, {@code vector} or {@code scalar}
 * @param vectorBits    0 for the widest that the processor likes
 * @param adapters      LoRA adapters to load beside the model
 * @param adapterBytes  of the memory, for adapters; 0 for what those need
 * @param adapterUpdates whether clients may have adapters loaded and unloaded
 * @param speculate     whether tokens are guessed ahead from the text so far
 * @param drafts        smaller models that guess for those of their names, or for the first
 * @param toolFormat    how models spell calls of tools; empty for what their templates tell
 * @param idleUnload    how long a model stays loaded without requests; zero for as long as nobody
 *                      else needs its memory
 * @param packed        where packed weights are kept, if anywhere
 * @param compiledKernels the folder of kernels that were compiled for GPUs at run time
 * @param drain         for running requests at the end
 * @param ledger        where the ledger is, and what happens when it cannot be written
 * @param store         how much of what clients leave is kept; empty for nothing
 * @param batches       how much files may take, and how batches run
 * @param cost          the section {@code cost}, unread; null if there is none
 */
public record ServerConfig(List<NamedModel> models, String host, int port, Exposure exposure,
        int contextTokens, int sequences, int stepTokens, int queue, long memoryBytes,
        KvFormat cacheFormat,
        Optional<String> quantize, int threads, String backend, GpuSettings gpus,
        CudaSettings cuda, String kernels, int vectorBits,
        List<NamedAdapter> adapters, long adapterBytes, boolean adapterUpdates,
        boolean speculate, List<NamedModel> drafts, Optional<ToolFormat> toolFormat,
        Duration idleUnload, Optional<PackedFolder> packed, Path compiledKernels,
        Duration drain,
        LedgerSettings ledger, Optional<StoreLimits> store,
        BatchSettings batches, JsonNode cost) {

    private static final int MAX_CONTEXT_TOKENS = 1 << 24;
    private static final int MAX_SEQUENCES = 4096;
    private static final int MAX_STEP_TOKENS = 1 << 16;
    private static final int MAX_QUEUE = 1 << 16;
    private static final int MAX_THREADS = 1024;
    private static final int MAX_DRAIN_SECONDS = 3600;
    private static final int MAX_STORE_DAYS = 3650;
    private static final int STORE_DAYS = 30; // as OpenAI keeps responses
    private static final long STORE_BYTES = 1_000_000_000;
    private static final long FILE_BYTES = 200_000_000; // as OpenAI's for batches
    private static final long TENANT_FILE_BYTES = 10_000_000_000L;
    private static final int BATCH_PRICE_MILLIONTHS = 500_000;
    private static final int MAX_IDLE_SECONDS = 7 * 24 * 3600;
    /** The type of weights that stay as the file has them; and the list of no adapters. */
    private static final String NONE = "none";
    private static final List<String> SPECULATE = List.of("ngram", "off");
    /** In the folder of models. */
    private static final String PACKED_FOLDER = "packed";
    private static final String COMPILED_FOLDER = "kernels";
    private static final int DEFAULT_SEQUENCES = 8;
    private static final int DEFAULT_STEP_TOKENS = 512;

    /**
     * Collects the settings.
     *
     * @param environment variables
     * @param root        the folder of models and all else, which may hold a config file
     * @param file        a config file that was asked for by name; without, {@code millrace.yaml}
     *                    in the working directory or in {@code root} is read if it exists
     * @param flags       what the command line says
     * @throws ConfigException if a file cannot be read or a setting is not allowed
     */
    public static ServerConfig load(Map<String, String> environment, Path root,
            Optional<Path> file, Map<Setting, String> flags) {
        ConfigSources sources = ConfigSources.collect(environment, root, file, flags);
        return of(sources.settings(), sources.cost(), root);
    }

    private static ServerConfig of(Settings settings, JsonNode cost, Path root) {
        int sequences = settings.number(Setting.SEQUENCES, 1, MAX_SEQUENCES, DEFAULT_SEQUENCES);
        return new ServerConfig(
                models(settings),
                settings.text(Setting.HOST).orElse("127.0.0.1"),
                settings.number(Setting.PORT, 0, 65535, 8080),
                Exposure.of(settings),
                settings.numberOrAuto(Setting.CONTEXT, 1, MAX_CONTEXT_TOKENS),
                sequences,
                settings.number(Setting.STEP_TOKENS, sequences, MAX_STEP_TOKENS,
                        Math.max(sequences, DEFAULT_STEP_TOKENS)),
                settings.number(Setting.QUEUE, 1, MAX_QUEUE, 256),
                settings.bytesOrAuto(Setting.MEMORY),
                cacheFormat(settings),
                quantize(settings),
                settings.numberOrAuto(Setting.THREADS, 1, MAX_THREADS),
                settings.choice(Setting.BACKEND, List.of(Settings.AUTO, "cpu", "cuda")),
                GpuSettings.of(settings),
                cuda(settings),
                settings.choice(Setting.KERNELS,
                        List.of(Settings.AUTO, "native", "vector", "scalar")),
                vectorBits(settings),
                adapters(settings),
                settings.bytesOrAuto(Setting.LORA_MEMORY),
                settings.choice(Setting.LORA_UPDATES, List.of("off", "on")).equals("on"),
                settings.choice(Setting.SPECULATE, SPECULATE).equals("ngram"),
                drafts(settings),
                toolFormat(settings),
                Duration.ofSeconds(settings.numberOrOff(Setting.IDLE_UNLOAD, 1, MAX_IDLE_SECONDS)),
                packed(settings, root),
                compiledKernels(root),
                Duration.ofSeconds(settings.number(Setting.DRAIN_SECONDS, 0, MAX_DRAIN_SECONDS,
                        30)),
                LedgerSettings.of(settings),
                store(settings),
                batches(settings, sequences),
                cost);
    }

    /** The first model, for commands that take but one. */
    public String model() {
        return models.getFirst().reference();
    }

    /** The same without adapters and without memory for any. */
    public ServerConfig withoutAdapters() {
        return new ServerConfig(models, host, port, exposure, contextTokens, sequences, stepTokens,
                queue, memoryBytes, cacheFormat, quantize, threads, backend, gpus, cuda,
                kernels, vectorBits, List.of(), 0, false, speculate, drafts, toolFormat,
                idleUnload, packed, compiledKernels, drain, ledger, store, batches, cost);
    }

    private static Optional<StoreLimits> store(Settings settings) {
        int days = settings.numberUnlessOff(Setting.STORE_DAYS, 1, MAX_STORE_DAYS, STORE_DAYS);
        long bytes = settings.bytesOrAuto(Setting.STORE_SIZE);
        return days == 0
                ? Optional.empty()
                : Optional.of(StoreLimits.of(Duration.ofDays(days),
                        bytes == 0 ? STORE_BYTES : bytes));
    }

    private static BatchSettings batches(Settings settings, int sequences) {
        long fileBytes = settings.bytesOrAuto(Setting.FILE_SIZE);
        long tenantBytes = settings.bytesOrAuto(Setting.TENANT_FILES);
        int rows = settings.numberOrAuto(Setting.BATCH_ROWS, 1, MAX_SEQUENCES);
        try {
            return new BatchSettings(new FileLimits(fileBytes == 0 ? FILE_BYTES : fileBytes,
                    tenantBytes == 0 ? TENANT_FILE_BYTES : tenantBytes),
                    rows == 0 ? sequences : rows, new BatchPrice(
                            settings.millionths(Setting.BATCH_PRICE, BATCH_PRICE_MILLIONTHS)));
        } catch (IllegalArgumentException e) {
            throw new ConfigException("file_size must be at most tenant_files: "
                    + e.getMessage(), e);
        }
    }

    private static Optional<ToolFormat> toolFormat(Settings settings) {
        List<String> allowed = new ArrayList<>(List.of(Settings.AUTO));
        allowed.addAll(ToolFormat.labels());
        return ToolFormat.named(settings.choice(Setting.TOOL_FORMAT, allowed));
    }

    private static List<NamedModel> models(Settings settings) {
        try {
            return NamedModel.parse(settings.text(Setting.MODEL).orElse("tinyllama"));
        } catch (IllegalArgumentException e) {
            throw new ConfigException("model is no list of models: " + e.getMessage(), e);
        }
    }

    private static List<NamedModel> drafts(Settings settings) {
        String text = settings.text(Setting.DRAFT).orElse(NONE);
        if (text.equals(NONE)) {
            return List.of();
        }
        if (settings.choice(Setting.SPECULATE, SPECULATE).equals("off")) {
            throw new ConfigException("draft names a model that guesses, but speculate is off;"
                    + " leave one of them out");
        }
        try {
            return NamedModel.parse(NamedAdapter.COMMA.matcher(text).replaceAll("\n"));
        } catch (IllegalArgumentException e) {
            throw new ConfigException("draft is no list of models: " + e.getMessage(), e);
        }
    }

    private static List<NamedAdapter> adapters(Settings settings) {
        String text = settings.text(Setting.LORA).orElse(NONE);
        try {
            return text.equals(NONE) ? List.of() : NamedAdapter.parse(text);
        } catch (IllegalArgumentException e) {
            throw new ConfigException("lora is no list of adapters: " + e.getMessage(), e);
        }
    }

    private static Optional<PackedFolder> packed(Settings settings, Path root) {
        return settings.given(Setting.PACKED_DISK).isPresent()
                && settings.isOff(Setting.PACKED_DISK)
                        ? Optional.empty()
                        : Optional.of(new PackedFolder(root.resolve(PACKED_FOLDER),
                                settings.bytesOrAuto(Setting.PACKED_DISK)));
    }

    /**
     * The packed weights that are kept, to look at and to delete.
     *
     * @param root the folder of models and all else
     */
    public static PackedFolder packedFolder(Path root) {
        return new PackedFolder(root.resolve(PACKED_FOLDER), 0);
    }

    /**
     * The folder of kernels that were compiled for GPUs at run time.
     *
     * @param root the folder of models and all else
     */
    public static Path compiledKernels(Path root) {
        return root.resolve(COMPILED_FOLDER);
    }

    private static Optional<String> quantize(Settings settings) {
        List<String> allowed = new ArrayList<>(List.of(NONE));
        allowed.addAll(TensorMixture.writableNames());
        return Optional.of(settings.choice(Setting.QUANTIZE, allowed))
                .filter(type -> !type.equals(NONE));
    }

    private static KvFormat cacheFormat(Settings settings) {
        return KvFormat.valueOf(settings.choice(Setting.KV, List.of("f16", "f32", "q8_0"))
                .toUpperCase(Locale.ROOT));
    }

    private static CudaSettings cuda(Settings settings) {
        String launches = settings.choice(Setting.CUDA_LAUNCHES,
                List.of("overlapped", "captured", "single"));
        String activations = settings.choice(Setting.CUDA_ACTIVATIONS,
                Arrays.stream(CudaActivations.values()).map(CudaActivations::label).toList());
        List<String> ways = Arrays.stream(Way.values()).map(Way::label).toList();
        return new CudaSettings(CudaLaunches.valueOf(launches.toUpperCase(Locale.ROOT)),
                CudaActivations.valueOf(activations.toUpperCase(Locale.ROOT)),
                CudaProducts.of(Way.values()[ways.indexOf(
                        settings.choice(Setting.CUDA_PRODUCTS, ways))]));
    }

    private static int vectorBits(Settings settings) {
        String width = settings.choice(Setting.VECTOR_BITS,
                List.of(Settings.AUTO, "128", "256", "512"));
        return width.equals(Settings.AUTO) ? 0 : Integer.parseInt(width);
    }
}
