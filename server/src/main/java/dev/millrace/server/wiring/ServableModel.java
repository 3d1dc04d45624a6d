package dev.millrace.server.wiring;

import dev.millrace.engine.BatchingEngine;
import dev.millrace.engine.DeviceLane;
import dev.millrace.engine.DeviceLanes;
import dev.millrace.engine.DraftModel;
import dev.millrace.engine.Engine;
import dev.millrace.engine.EngineSettings;
import dev.millrace.engine.Replica;
import dev.millrace.engine.StepObserver;
import dev.millrace.engine.forward.DeviceLostException;
import dev.millrace.engine.forward.ForwardPass.DeviceMemory;
import dev.millrace.engine.forward.MemoryBudget;
import dev.millrace.engine.host.MemoryShares.Need;
import dev.millrace.engine.replicas.LostReplica;
import dev.millrace.engine.replicas.ReplicatedEngine;
import dev.millrace.kernels.WorkerPool;
import dev.millrace.models.Model;
import dev.millrace.models.store.Licence;
import dev.millrace.server.config.NamedAdapter;
import dev.millrace.server.config.ServerConfig;
import dev.millrace.server.metering.attribution.StepWeights;
import dev.millrace.server.openai.model.ServedModel;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

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
    private final DeviceChoice choice;
    private final Optional<ServableDraft> draft;

    /**
     * Takes a model over.
     *
     * @param opened  owned from now on, also if this fails
     * @param adapted whether it is the one that the configuration's adapters are for
     * @throws dev.millrace.models.ModelException if it has no tokenizer
     * @throws IllegalArgumentException if its draft has other tokens
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
            this.choice = LoadedModel.device(adapterConfig(), model);
            this.draft = source.draft()
                    .map(file -> new ServableDraft(file, model, config, device()));
        } catch (RuntimeException | Error e) {
            model.close();
            throw e;
        }
    }

    String id() {
        return id;
    }

    /** What it runs on. */
    ServingDevice device() {
        return choice.device();
    }

    /** What it runs on, and how often. */
    DeviceChoice choice() {
        return choice;
    }

    /** Why it runs there; empty if that was named. */
    String why() {
        return choice.why();
    }

    Licence licence() {
        return licence;
    }

    /** Adapters live in an engine's slots, so a model that has any stays. */
    boolean pinned() {
        return adapted;
    }

    /** What its steps are likely to be made of. */
    StepWeights expectedWeights() {
        return StepWeights.expected(model.spec(), model.footprint(config.cacheFormat()));
    }

    /** What it takes of the memory, its draft included, told without reading a weight. */
    Need need() {
        Need alone = needAlone();
        return draft.map(small -> small.with(alone, contextTokens())).orElse(alone);
    }

    private int contextTokens() {
        return LoadedModel.budget(config, model.spec(), device()).contextTokens();
    }

    private Need needAlone() {
        try (WorkerPool idle = WorkerPool.create(1)) {
            Model loaded = LoadedModel.quantized(model, config, idle);
            MemoryBudget budget = LoadedModel.budget(config, model.spec(), device())
                    .withAdapterBytes(LoadedModel.adapterBytes(adapterConfig(),
                            device().backend(idle, Duration.ZERO), loaded, adapterPaths()));
            DeviceMemory memory = device().memoryNeeded(loaded.spec(), loaded.weights(),
                    budget);
            long leastCacheBytes = Math.min(memory.cacheBytes(),
                    device().leastCacheBytes(model.spec(), budget));
            return new Need(id, memory.totalBytes() - memory.cacheBytes(), leastCacheBytes,
                    memory.cacheBytes(), pinned());
        }
    }

    /**
     * Brings it onto its device, or onto one after the other of those side by side. Of several, one
     * whose device is lost is left out as long as another serves.
     *
     * @param memoryBytes all that it and its draft may take, by lane
     * @param observers   of its steps, by lane
     */
    LoadedReplicas open(List<Long> memoryBytes, DeviceLanes lanes, Duration warmUp,
            List<StepObserver> observers) {
        Closing closing = new Closing();
        List<LoadedEngine> loaded = new ArrayList<>();
        List<Replica> engines = new ArrayList<>();
        DeviceLostException lost = null;
        try {
            for (int lane = 0; lane < choice.replicas().size(); lane++) {
                try {
                    LoadedEngine one = closing.later(open(lane, memoryBytes.get(lane),
                            lanes.lane(lane), warmUp, observers.get(lane)));
                    loaded.add(one);
                    engines.add(one.engine());
                } catch (DeviceLostException e) {
                    lost = e;
                    engines.add(new LostReplica(e.getMessage()));
                }
            }
            if (loaded.isEmpty()) {
                throw lost;
            }
            return new LoadedReplicas(loaded, engines.size() == 1
                    ? engines.getFirst()
                    : new ReplicatedEngine(engines));
        } catch (RuntimeException | Error e) {
            closing.closeAfter(e);
            throw e;
        }
    }

    private LoadedEngine open(int replica, long memoryBytes, DeviceLane lane, Duration warmUp,
            StepObserver observer) {
        Closing closing = new Closing();
        try {
            long draftBytes = draft
                    .map(small -> small.share(memoryBytes, needAlone(), contextTokens()))
                    .orElse(0L);
            LoadedModel loaded = closing.later(LoadedModel.borrowing(model,
                    choice.only(replica), memoryBytes - draftBytes, adapterConfig(), lane, warmUp,
                    adapterPaths()));
            Optional<DraftModel> small = draft.map(one -> one.open(draftBytes, loaded));
            small.ifPresent(one -> closing.later(one.pass()));
            return new LoadedEngine(loaded, small, BatchingEngine.start(id, loaded.pass(),
                    loaded.vocabulary(), settings(loaded), small, lane, observer));
        } catch (RuntimeException | Error e) {
            closing.closeAfter(e);
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
        int queue = Math.ceilDiv(config.queue(), choice.replicas().size());
        int queuedTokens = (int) Math.min(Integer.MAX_VALUE,
                (long) queue * loaded.contextTokens());
        return new EngineSettings(config.sequences(), config.stepTokens(), loaded.contextTokens(),
                queue, queuedTokens, true, loaded.speculation());
    }

    /** As clients see it. @param engine runs it, whether it is on the device or not */
    ServedModel served(Engine engine) {
        ServedModel served = new ServedModel(id, model.spec(), model.requiredTokenizer(),
                model.chatTemplate(),
                engine, contextTokens(),
                choice.description(),
                Instant.now(), licence);
        ServedModel spelled = config.toolFormat().map(served::withToolFormat).orElse(served);
        return model.otherPooling().map(spelled::withoutVectors).orElse(spelled);
    }

    @Override
    public void close() {
        draft.ifPresent(ServableDraft::close);
        model.close();
    }
}
