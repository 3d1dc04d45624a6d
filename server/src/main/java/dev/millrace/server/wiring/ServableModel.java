package dev.millrace.server.wiring;

import dev.millrace.engine.BatchingEngine;
import dev.millrace.engine.DeviceLane;
import dev.millrace.engine.Engine;
import dev.millrace.engine.EngineSettings;
import dev.millrace.engine.StepObserver;
import dev.millrace.engine.cpu.CpuBackend;
import dev.millrace.engine.forward.ForwardPass.DeviceMemory;
import dev.millrace.engine.forward.MemoryBudget;
import dev.millrace.engine.host.MemoryShares.Need;
import dev.millrace.kernels.WorkerPool;
import dev.millrace.kernels.cpu.CpuKernels;
import dev.millrace.models.Model;
import dev.millrace.models.store.Licence;
import dev.millrace.server.config.NamedAdapter;
import dev.millrace.server.config.ServerConfig;
import dev.millrace.server.openai.ServedModel;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;

/**
 * One of the models that are served. Its file stays open for its sizes and its text; it is brought
 * onto the device, and freed, as often as its host wants.
 */
final class ServableModel implements AutoCloseable {

    private final String id;
    private final Model model;
    private final Licence licence;
    private final ServerConfig config;
    private final boolean adapted;

    /**
     * Takes a model over.
     *
     * @param opened  owned from now on, also if this fails
     * @param adapted whether it is the one that the configuration's adapters are for
     * @throws dev.millrace.models.ModelException if it has no tokenizer
     */
    ServableModel(ModelSource source, Model opened, ServerConfig config, boolean adapted) {
        this.id = source.id();
        this.config = config;
        this.adapted = adapted && (config.adapterUpdates() || !config.adapters().isEmpty());
        this.model = opened;
        try {
            model.requiredTokenizer();
            this.licence = source.stated().orElseGet(
                    () -> Licence.ofModel(source.file(), model.metadata()));
        } catch (RuntimeException | Error e) {
            model.close();
            throw e;
        }
    }

    String id() {
        return id;
    }

    Licence licence() {
        return licence;
    }

    /** Adapters live in an engine's slots, so a model that has any stays. */
    boolean pinned() {
        return adapted;
    }

    /** What it takes of the memory, told without reading a weight. */
    Need need() {
        CpuKernels kernels = LoadedModel.kernels(config).kernels();
        try (WorkerPool idle = WorkerPool.create(1)) {
            Model loaded = LoadedModel.quantized(model, config, idle);
            MemoryBudget budget = LoadedModel.budget(config, model.spec())
                    .withAdapterBytes(LoadedModel.adapterBytes(adapterConfig(),
                            new CpuBackend(kernels, idle), model.spec(), adapterPaths()));
            DeviceMemory memory = CpuBackend.memoryNeeded(kernels, LoadedModel.workers(config),
                    loaded.spec(), loaded.weights(), budget);
            long leastCacheBytes = Math.min(memory.cacheBytes(),
                    CpuBackend.leastCacheBytes(model.spec(), budget));
            return new Need(id, memory.totalBytes() - memory.cacheBytes(), leastCacheBytes,
                    memory.cacheBytes(), pinned());
        }
    }

    /** Brings it onto the device. @param memoryBytes all that it may take */
    LoadedEngine open(long memoryBytes, DeviceLane lane, Duration warmUp, StepObserver observer) {
        LoadedModel loaded = LoadedModel.borrowing(model, memoryBytes, adapterConfig(), lane,
                warmUp, adapterPaths());
        try {
            return new LoadedEngine(loaded, BatchingEngine.start(id, loaded.pass(),
                    loaded.vocabulary(), settings(loaded), lane, observer));
        } catch (RuntimeException | Error e) {
            loaded.close();
            throw e;
        }
    }

    private List<Path> adapterPaths() {
        return adapted ? config.adapters().stream().map(NamedAdapter::path).toList() : List.of();
    }

    /** No memory is set aside for adapters of a model that has none. */
    private ServerConfig adapterConfig() {
        return adapted ? config : config.withoutAdapters();
    }

    private EngineSettings settings(LoadedModel loaded) {
        int queuedTokens = (int) Math.min(Integer.MAX_VALUE,
                (long) config.queue() * loaded.contextTokens());
        return new EngineSettings(config.sequences(), config.stepTokens(), loaded.contextTokens(),
                config.queue(), queuedTokens, true, loaded.speculation());
    }

    /** As clients see it. @param engine runs it, whether it is on the device or not */
    ServedModel served(Engine engine) {
        ServedModel served = new ServedModel(id, model.spec(), model.requiredTokenizer(),
                model.chatTemplate(),
                engine, LoadedModel.budget(config, model.spec()).contextTokens(),
                CpuBackend.description(LoadedModel.kernels(config).kernels(),
                        LoadedModel.workers(config)),
                Instant.now(), licence);
        return config.toolFormat().map(served::withToolFormat).orElse(served);
    }

    @Override
    public void close() {
        model.close();
    }
}
