package dev.millrace.engine.cpu;

import dev.millrace.engine.forward.Backend;
import dev.millrace.engine.forward.ForwardPass;
import dev.millrace.engine.forward.MemoryBudget;
import dev.millrace.engine.forward.SequenceRow;
import dev.millrace.kernels.KvFormat;
import dev.millrace.kernels.WorkerPool;
import dev.millrace.kernels.cpu.CpuKernels;
import dev.millrace.models.LoraAdapter;
import dev.millrace.models.Model;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.function.ToIntFunction;
import java.util.stream.IntStream;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** The model of {@code tiny-lora} with its adapters loaded. */
public final class TinyLora implements AutoCloseable {

    public static final String NONE = "none";
    public static final List<String> ADAPTERS = List.of("wide", "narrow", "even");
    static final int CONTEXT_TOKENS = 128;
    private static final long ADAPTER_BYTES = 1 << 20;

    private final Model model;
    private final WorkerPool pool = WorkerPool.create(2);
    private final ForwardPass pass;
    private final Map<String, Integer> slots = new LinkedHashMap<>();

    public TinyLora(CpuKernels kernels) {
        this(kernels, folder().resolve("base"), ADAPTERS);
    }

    /** @param names of the adapters to load; with none, no memory is set aside for any */
    TinyLora(CpuKernels kernels, Path file, List<String> names) {
        this(pool -> new CpuBackend(kernels, pool, Duration.ZERO), file, names);
    }

    /** On another backend, which borrows a pool. */
    public TinyLora(Function<WorkerPool, Backend> backend, List<String> names) {
        this(backend, folder().resolve("base"), names);
    }

    private TinyLora(Function<WorkerPool, Backend> backend, Path file, List<String> names) {
        model = Model.open(file);
        MemoryBudget budget = new MemoryBudget(1L << 30, CONTEXT_TOKENS, 8, CONTEXT_TOKENS,
                KvFormat.F32).withAdapterBytes(names.isEmpty() ? 0 : ADAPTER_BYTES);
        pass = backend.apply(pool).open(model.spec(), model.weights(), budget);
        slots.put(NONE, SequenceRow.NO_ADAPTER);
        names.forEach(name -> slots.put(name, pass.loadAdapter(open(name))));
    }

    /** The model's folder. */
    public static Path base() {
        return folder().resolve("base");
    }

    static Path folder() {
        try {
            return Path.of(TinyLora.class.getResource("/tiny-lora/golden.json").toURI())
                    .getParent();
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }

    /** The kernels of a name; a skipped test where they do not run. */
    static CpuKernels kernels(String name) {
        return switch (name) {
            case "scalar" -> CpuKernels.scalar();
            case "vector" -> CpuKernels.vector();
            default -> NativeTwin.open();
        };
    }

    public LoraAdapter open(String name) {
        Path directory = folder().resolve(name);
        return LoraAdapter.open(
                Files.isDirectory(directory) ? directory : folder().resolve(name + ".gguf"),
                model.spec());
    }

    /** What transformers computes. */
    static JsonNode golden() throws IOException {
        return JsonMapper.shared().readTree(Files.readAllBytes(folder().resolve("golden.json")));
    }

    public static int[] prompt() throws IOException {
        return ints(golden().get("prompt_ids"));
    }

    static int[] ints(JsonNode list) {
        return IntStream.range(0, list.size()).map(i -> list.get(i).asInt()).toArray();
    }

    public ForwardPass pass() {
        return pass;
    }

    /** The pass as it is before anything is loaded. */
    public ForwardPass withoutAdapters() {
        TinyLora.ADAPTERS.forEach(name -> pass.unloadAdapter(slots.remove(name)));
        return pass;
    }

    /** Loads all adapters again, through somebody else. */
    public void loadInto(ToIntFunction<LoraAdapter> loader) {
        ADAPTERS.forEach(name -> slots.put(name, loader.applyAsInt(open(name))));
    }

    public int vocabularySize() {
        return model.spec().vocabularySize();
    }

    /** Where an adapter is; {@link #NONE} is nowhere. */
    public int slot(String name) {
        return slots.get(name);
    }

    @Override
    public void close() {
        pass.close();
        pool.close();
        model.close();
    }
}
