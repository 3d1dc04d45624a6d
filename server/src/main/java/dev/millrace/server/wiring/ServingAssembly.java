package dev.millrace.server.wiring;

import dev.millrace.engine.BatchingEngine;
import dev.millrace.engine.DeviceLane;
import dev.millrace.engine.EngineSettings;
import dev.millrace.models.store.Licence;
import dev.millrace.server.config.NamedAdapter;
import dev.millrace.server.config.ServerConfig;
import dev.millrace.server.http.MillraceServer;
import dev.millrace.server.http.PortCheck;
import dev.millrace.server.http.ServerStartException;
import dev.millrace.server.metering.CostModel;
import dev.millrace.server.metering.EnergySource;
import dev.millrace.server.metering.RaplEnergySource;
import dev.millrace.server.metering.StepWeights;
import dev.millrace.server.metering.UsageLedger;
import dev.millrace.server.metering.UsageMeter;
import dev.millrace.server.openai.AdapterLoader;
import dev.millrace.server.openai.HttpLimits;
import dev.millrace.server.openai.ServedModel;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * One running server: model, engine, meter and HTTP, put together here and nowhere else, and taken
 * apart in the opposite order.
 */
public final class ServingAssembly {

    private final Closing closing = new Closing();
    private final String id;
    private final ServerConfig config;
    private final CostModel rate;
    private final Path ledgerFile;
    private final LoadedModel loaded;
    private final Licence licence;
    private final EnergySource energy;
    private final MillraceServer http;
    private final int port;

    /**
     * Starts a server; when it returns, requests are answered.
     *
     * @param id         what clients call the model
     * @param file       the model
     * @param stated     its licence as the place that it is from tells; the model's own word else
     * @param ledgerFile of the ledger, where the configuration names none
     */
    public ServingAssembly(String id, Path file, Optional<Licence> stated, ServerConfig config,
            Path ledgerFile) {
        this(id, file, stated, config, ledgerFile, LoadedModel.SERVING_WARM_UP);
    }

    ServingAssembly(String id, Path file, Optional<Licence> stated, ServerConfig config,
            Path ledgerFile, Duration warmUp) {
        this.id = id;
        this.config = config;
        this.ledgerFile = config.ledger().orElse(ledgerFile);
        try {
            this.rate = CostModel.configured(config.cost());
            UsageLedger ledger = closing.later(UsageLedger.open(this.ledgerFile));
            DeviceLane lane = new DeviceLane();
            this.loaded = closing.later(LoadedModel.open(file, config, lane, warmUp,
                    config.adapters().stream().map(NamedAdapter::path).toList()));
            this.licence = stated.orElseGet(
                    () -> Licence.ofModel(file, loaded.model().metadata()));
            this.energy = RaplEnergySource.find(RaplEnergySource.POWERCAP);
            UsageMeter meter = UsageMeter.start(ledger, rate, StepWeights.DEFAULT, lane::reading,
                    energy);
            closing.insteadOf(ledger, meter);
            BatchingEngine engine = closing.later(BatchingEngine.start(id, loaded.pass(),
                    loaded.vocabulary(), engineSettings(), lane, meter));
            PrometheusMeterRegistry registry = new PrometheusMeterRegistry(
                    PrometheusConfig.DEFAULT);
            new MachineMetrics(loaded, rate, meter).register(registry);
            EngineAdapters adapters = new EngineAdapters(served(id, engine));
            List<ServedModel> models = withAdapters(adapters);
            this.http = new MillraceServer(config.host(), config.port(), HttpLimits.DEFAULT,
                    models, updates(adapters), meter, registry);
            this.port = http.start();
        } catch (RuntimeException | Error e) {
            closing.closeAfter(e);
            throw e;
        }
    }

    /**
     * Checks what can be checked before a model is pulled and loaded.
     *
     * @throws IllegalArgumentException if the cost makes no sense
     * @throws ServerStartException     if the address cannot be listened on
     */
    public static void requireStartable(ServerConfig config) {
        CostModel.configured(config.cost());
        PortCheck.require(config.host(), config.port());
    }

    private EngineSettings engineSettings() {
        int queuedTokens = (int) Math.min(Integer.MAX_VALUE,
                (long) config.queue() * loaded.contextTokens());
        return new EngineSettings(config.sequences(), config.stepTokens(), loaded.contextTokens(),
                config.queue(), queuedTokens, true, loaded.speculation());
    }

    /** The model, and the same with each adapter of the configuration. */
    private List<ServedModel> withAdapters(EngineAdapters adapters) {
        List<ServedModel> models = new ArrayList<>(List.of(adapters.base()));
        config.adapters().forEach(adapter -> models
                .add(adapters.load(adapter.name(), adapter.path())));
        return models;
    }

    private Optional<AdapterLoader> updates(EngineAdapters adapters) {
        return config.adapterUpdates() ? Optional.of(adapters) : Optional.empty();
    }

    private ServedModel served(String id, BatchingEngine engine) {
        return new ServedModel(id, loaded.spec(), loaded.model().requiredTokenizer(),
                loaded.model().chatTemplate(), engine, loaded.contextTokens(),
                loaded.backend().description(), Instant.now(), licence);
    }

    /** What clients call the model. */
    public String id() {
        return id;
    }

    /** The terms of the model. */
    public Licence licence() {
        return licence;
    }

    /** The port that it listens on. */
    public int port() {
        return port;
    }

    public LoadedModel loaded() {
        return loaded;
    }

    public CostModel rate() {
        return rate;
    }

    public EnergySource energy() {
        return energy;
    }

    public Path ledgerFile() {
        return ledgerFile;
    }

    /**
     * Stops taking requests, lets running ones finish, writes the ledger and frees everything.
     *
     * @return whether all requests finished in time
     */
    public boolean stop(Duration timeout) {
        try {
            return http.stop(timeout);
        } finally {
            closing.close();
        }
    }
}
