package dev.millrace.server.wiring;

import dev.millrace.engine.DeviceLane;
import dev.millrace.engine.Speculation;
import dev.millrace.engine.Vocabulary;
import dev.millrace.engine.cpu.CpuBackend;
import dev.millrace.engine.forward.Backend;
import dev.millrace.engine.forward.BackendException;
import dev.millrace.engine.forward.ForwardPass;
import dev.millrace.engine.forward.MemoryBudget;
import dev.millrace.kernels.KernelException;
import dev.millrace.kernels.WorkerPool;
import dev.millrace.models.LoraAdapter;
import dev.millrace.models.Model;
import dev.millrace.models.ModelSpec;
import dev.millrace.models.quantize.QuantizedModel;
import dev.millrace.server.config.ServerConfig;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/** A model on a device, ready to step, with everything that it needs; closes all of it. */
public final class LoadedModel implements AutoCloseable {

    /** Longest warm-up of a server: its first requests should not pay for the JIT. */
    public static final Duration SERVING_WARM_UP = CpuBackend.DEFAULT_WARM_UP;

    /**
     * Longest context where none was asked for: models that were made for far more would spend most
     * of the memory on a cache that few requests use.
     */
    private static final int USUAL_CONTEXT_TOKENS = 8192;

    /** For adapters that come later, where no amount was given: several of the usual ranks. */
    private static final long USUAL_ADAPTER_BYTES = 256L << 20;

    private final Model model;
    private final WorkerPool pool;
    private final Backend backend;
    private final DeviceChoice choice;
    private final Optional<String> remark;
    private final DeviceLane lane;
    private final ForwardPass pass;
    private final MemoryBudget budget;
    private final Speculation speculation;
    private final boolean borrowed;

    private LoadedModel(Model model, boolean borrowed, WorkerPool pool, Backend backend,
            DeviceChoice choice, Optional<String> remark, DeviceLane lane, ForwardPass pass,
            MemoryBudget budget, Speculation speculation) {
        this.model = model;
        this.borrowed = borrowed;
        this.pool = pool;
        this.backend = backend;
        this.choice = choice;
        this.remark = remark;
        this.lane = lane;
        this.pass = pass;
        this.budget = budget;
        this.speculation = speculation;
    }

    /**
     * Opens a model and packs it for the device, on the lane as overhead.
     *
     * @param warmUp longest time to spend on steps ahead of the first real one; zero for none
     * @throws IllegalArgumentException if the context is longer than the model's
     * @throws BackendException if the device cannot run the model within the limits; says why
     */
    public static LoadedModel open(Path file, ServerConfig config, DeviceLane lane,
            Duration warmUp) {
        return open(file, config, lane, warmUp, List.of());
    }

    /**
     * As above, with memory set aside for adapters; loading them is left to the caller.
     *
     * @param adapters directories and files, opened here to see whether they fit the model
     * @throws dev.millrace.models.ModelException if one is no adapter of the model
     */
    public static LoadedModel open(Path file, ServerConfig config, DeviceLane lane,
            Duration warmUp, List<Path> adapters) {
        return of(Model.open(file), config, lane, warmUp, adapters);
    }

    /**
     * The same of an opened model.
     *
     * @param opened owned from now on, also if this fails
     */
    static LoadedModel of(Model opened, ServerConfig config, DeviceLane lane, Duration warmUp,
            List<Path> adapters) {
        try {
            DeviceChoice choice = device(config, opened).only(0);
            return place(opened, false, choice, memoryBytes(config, choice.device()), config,
                    lane, warmUp, adapters);
        } catch (RuntimeException | Error e) {
            opened.close();
            throw e;
        }
    }

    /**
     * The same of an opened model that the caller keeps, within some of the memory.
     *
     * @param choice      of one device
     * @param memoryBytes for this model
     */
    static LoadedModel borrowing(Model opened, DeviceChoice choice, long memoryBytes,
            ServerConfig config, DeviceLane lane, Duration warmUp, List<Path> adapters) {
        return place(opened, true, choice, memoryBytes, config, lane, warmUp, adapters);
    }

    private static LoadedModel place(Model opened, boolean borrowed, DeviceChoice choice,
            long memoryBytes, ServerConfig config, DeviceLane lane, Duration warmUp,
            List<Path> adapters) {
        WorkerPool pool = openPool(config);
        try {
            Model model = quantized(opened, config, pool);
            Backend backend = choice.device().backend(pool, warmUp);
            MemoryBudget budget = budget(config, opened.spec(), memoryBytes).withAdapterBytes(
                    adapterBytes(config, backend, model, adapters));
            ForwardPass pass = lane.overhead(
                    () -> backend.open(model.spec(), model.weights(), budget));
            return new LoadedModel(model, borrowed, pool, backend, choice,
                    remark(choice.device(), config), lane, pass, budget,
                    config.speculate() ? choice.device().speculation() : Speculation.OFF);
        } catch (RuntimeException | Error e) {
            pool.close();
            throw e;
        }
    }

    /**
     * What a model runs on.
     *
     * @throws BackendException if the configuration names what cannot serve
     */
    static DeviceChoice device(ServerConfig config, Model model) {
        DeviceChoice choice = DeviceChoice.of(config);
        return choice.fitting(config, model.spec(), model.weights(), budget(config, model.spec(),
                memoryBytes(config, choice.device())));
    }

    /** What a configuration lets a model take on a device. */
    static MemoryBudget budget(ServerConfig config, ModelSpec spec, ServingDevice device) {
        return budget(config, spec, memoryBytes(config, device));
    }

    /** The processor, for encoders, which run nowhere else. */
    static CpuDevice processor(ServerConfig config) {
        if (config.backend().equals("cuda")) {
            throw new BackendException("encoders run on the processor only; use --backend=auto"
                    + " or cpu");
        }
        return CpuDevice.of(config);
    }

    /** Links the kernels on a thread of their own, so that whoever needs them waits less. */
    static void prepareKernels(ServerConfig config) {
        Thread.ofPlatform().daemon().name("millrace-kernels").start(() -> {
            try {
                KernelChoice.of(config);
            } catch (KernelException e) {
                // Whoever needs them is told.
            }
        });
    }

    private static MemoryBudget budget(ServerConfig config, ModelSpec spec, long memoryBytes) {
        return new MemoryBudget(memoryBytes, contextTokens(config, spec), config.sequences(),
                config.stepTokens(), config.cacheFormat());
    }

    /** As many workers as a configuration asks for. */
    static WorkerPool openPool(ServerConfig config) {
        return WorkerPool.create(workers(config));
    }

    static int workers(ServerConfig config) {
        return config.threads() > 0 ? config.threads() : WorkerPool.defaultWorkers();
    }

    /** The model, or a view of it whose weights have the type that was asked for. */
    static Model quantized(Model opened, ServerConfig config, WorkerPool pool) {
        return config.quantize().isEmpty()
                ? opened
                : new QuantizedModel(opened, config.quantize().get(), pool);
    }

    private static Optional<String> remark(ServingDevice choice, ServerConfig config) {
        return Stream.concat(choice.remark().stream(),
                config.quantize().map(type -> "weights of more bits became " + type + " at load")
                        .stream())
                .reduce((first, second) -> first + "; " + second);
    }

    /** What was asked for; or what these adapters need, and some more if others may come. */
    static long adapterBytes(ServerConfig config, Backend backend, Model model,
            List<Path> adapters) {
        long bytes = config.adapterUpdates() ? USUAL_ADAPTER_BYTES : 0;
        for (Path path : adapters) {
            try (LoraAdapter adapter = LoraAdapter.open(path, model.spec())) {
                bytes += backend.adapterBytes(model.spec(), model.weights(), adapter,
                        config.stepTokens());
            }
        }
        return bytes > 0 && config.adapterBytes() > 0 ? config.adapterBytes() : bytes;
    }

    private static int contextTokens(ServerConfig config, ModelSpec spec) {
        if (config.contextTokens() > spec.contextTokens()) {
            throw new IllegalArgumentException("a context of " + config.contextTokens()
                    + " tokens is more than the " + spec.contextTokens() + " that " + spec.name()
                    + " was made for; lower it");
        }
        return config.contextTokens() > 0
                ? config.contextTokens()
                : Math.min(spec.contextTokens(), USUAL_CONTEXT_TOKENS);
    }

    static long memoryBytes(ServerConfig config, ServingDevice device) {
        return config.memoryBytes() > 0 ? config.memoryBytes() : device.usualMemoryBytes();
    }

    public Model model() {
        return model;
    }

    public ModelSpec spec() {
        return model.spec();
    }

    public Backend backend() {
        return backend;
    }

    /** Why this device serves; empty if it was named. */
    public String why() {
        return choice.why();
    }

    /** What the user should know about the kernels, if anything. */
    public Optional<String> remark() {
        return remark;
    }

    public DeviceLane lane() {
        return lane;
    }

    public ForwardPass pass() {
        return pass;
    }

    /** Memory that the model was allowed to take, in bytes. */
    public long memoryBytes() {
        return budget.totalBytes();
    }

    /** How far it pays to guess tokens ahead. */
    public Speculation speculation() {
        return speculation;
    }

    /** Longest sequence that fits. */
    public int contextTokens() {
        return budget.contextTokens();
    }

    /** Most tokens in one step. */
    public int stepTokens() {
        return budget.stepTokens();
    }

    /** The tokens as the engine needs to know them, with their text where the model has any. */
    public Vocabulary vocabulary() {
        int size = spec().vocabularySize();
        return model.tokenizer().map(tokenizer -> Vocabulary.of(tokenizer, size))
                .orElseGet(() -> Vocabulary.idsOnly(size));
    }

    @Override
    public void close() {
        Closing closing = new Closing();
        if (!borrowed) {
            closing.later(model);
        }
        closing.later(pool);
        closing.later(pass);
        closing.close();
    }
}
