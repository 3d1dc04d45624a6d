package dev.millrace.server.wiring;

import dev.millrace.engine.DeviceLanes;
import dev.millrace.engine.DraftModel;
import dev.millrace.engine.StepObserver;
import dev.millrace.engine.host.HostedModel;
import dev.millrace.kernels.cuda.CudaDeviceInfo;
import dev.millrace.models.EncoderModel;
import dev.millrace.models.Model;
import dev.millrace.models.OpenedModel;
import dev.millrace.models.store.Licence;
import dev.millrace.server.budgets.BudgetWebhook;
import dev.millrace.server.budgets.WebhookTarget;
import dev.millrace.server.config.Exposure;
import dev.millrace.server.config.ServerConfig;
import dev.millrace.server.dashboard.DashboardRoutes;
import dev.millrace.server.embeddings.EmbeddingModel;
import dev.millrace.server.http.HttpSettings;
import dev.millrace.server.http.MillraceServer;
import dev.millrace.server.http.PortCheck;
import dev.millrace.server.http.ServerStartException;
import dev.millrace.server.http.Storage;
import dev.millrace.server.http.TlsFiles;
import dev.millrace.server.metering.EnergySource;
import dev.millrace.server.metering.InternalPrices;
import dev.millrace.server.metering.LedgerView;
import dev.millrace.server.metering.RaplEnergySource;
import dev.millrace.server.metering.UsageLedger;
import dev.millrace.server.metering.UsageMeter;
import dev.millrace.server.metering.attribution.StepWeights;
import dev.millrace.server.metering.budget.BudgetEvents;
import dev.millrace.server.metering.budget.BudgetGate;
import dev.millrace.server.metering.budget.Budgets;
import dev.millrace.server.metering.database.LedgerAddress;
import dev.millrace.server.metering.energy.DeclaredPower;
import dev.millrace.server.metering.energy.MachineEnergy;
import dev.millrace.server.metering.prices.Counterfactual;
import dev.millrace.server.metering.prices.PriceFile;
import dev.millrace.server.metering.rate.CostModel;
import dev.millrace.server.metering.rate.RateSchedule;
import dev.millrace.server.openai.model.AdapterLoader;
import dev.millrace.server.openai.model.ServedModel;
import dev.millrace.server.openai.wire.HttpLimits;
import dev.millrace.server.store.BatchStore;
import dev.millrace.server.store.FileStore;
import dev.millrace.server.store.StoreDatabase;
import dev.millrace.server.store.StoreLimits;
import dev.millrace.server.tenants.KeyRing;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.IntStream;

/**
 * One running server: models, host, meter and HTTP, put together here and nowhere else, and taken
 * apart in the opposite order.
 */
public final class ServingAssembly {

    private final Closing closing = new Closing();
    private final ServerConfig config;
    private final RateSchedule rates;
    private final LedgerAddress ledger;
    private final List<ServableModel> models = new ArrayList<>();
    private final List<EncoderSource> encoders = new ArrayList<>();
    private final List<EmbeddingModel> embedding = new ArrayList<>();
    private final Optional<LoadedReplicas> loaded;
    private final EnergySource energy;
    private final KeyRing keys;
    private final MillraceServer http;
    private final int port;

    /** An encoder on its way to the device. */
    private record EncoderSource(ModelSource source, EncoderModel model) {}

    /**
     * Starts a server; when it returns, requests are answered. The first model is loaded by then,
     * the others when they are asked for.
     *
     * @param sources    the models; adapters are for the first that generates, and those that
     *                   embed are always loaded
     * @param ledgerFile of the ledger, where the configuration names none
     * @throws IllegalArgumentException if there is no model, or two have one name
     * @throws dev.millrace.engine.forward.BackendException if the memory is too little for one
     */
    public ServingAssembly(List<ModelSource> sources, ServerConfig config, Path ledgerFile) {
        this(sources, config, ledgerFile, LoadedModel.SERVING_WARM_UP);
    }

    /** The same with one model. @see ModelSource */
    public ServingAssembly(String id, Path file, Optional<Licence> stated, ServerConfig config,
            Path ledgerFile) {
        this(List.of(new ModelSource(id, file, stated)), config, ledgerFile);
    }

    ServingAssembly(String id, Path file, Optional<Licence> stated, ServerConfig config,
            Path ledgerFile, Duration warmUp) {
        this(List.of(new ModelSource(id, file, stated)), config, ledgerFile, warmUp);
    }

    ServingAssembly(List<ModelSource> sources, ServerConfig config, Path ledgerFile,
            Duration warmUp) {
        requireDistinct(sources);
        this.config = config;
        this.ledger = config.ledger().address().orElseGet(() -> LedgerAddress.ofFile(ledgerFile));
        try {
            this.rates = RateSchedule.configured(config.cost());
            LoadedModel.prepareKernels(config);
            UsageLedger books = closing.later(UsageLedger.open(ledger));
            DeviceLanes lanes = new DeviceLanes(config.gpus().replicas());
            sources.forEach(this::open);
            requireReplicable();
            MemoryByDevice memory = new MemoryByDevice(models, config, encoderBytes());
            this.energy = DeclaredPower.unless(MachineEnergy.of(
                    RaplEnergySource.find(RaplEnergySource.POWERCAP),
                    gpus(lanes.count())),
                    RateSchedule.declaredPower(config.cost()), lanes::reading);
            Counterfactual elsewhere = elsewhere(ledgerFile);
            InternalPrices prices = internalPrices(config);
            UsageMeter meter = UsageMeter.start(books, rates, elsewhere, prices,
                    StepWeights.DEFAULT, lanes::reading, energy, Clock.systemUTC(),
                    config.ledger().limits());
            closing.insteadOf(books, meter);
            MemoryByDevice.Hosts hosts = memory.start(config, closing);
            PrometheusMeterRegistry registry = new PrometheusMeterRegistry(
                    PrometheusConfig.DEFAULT);
            List<HostedModel> hosted = new ArrayList<>();
            for (ServableModel model : models) {
                long bytes = memory.share(model);
                List<Long> bytesByLane = memory.shares(model, config);
                List<StepObserver> observers = observers(model, meter, registry);
                hosted.add(hosts.of(model).add(model.id(), bytes, model.pinned(),
                        () -> model.open(bytesByLane, lanes, warmUp, observers)));
            }
            for (EncoderSource encoder : encoders) {
                embedding.add(closing.later(ServedEmbedder.open(encoder.source(),
                        encoder.model(), config, lanes.first(), meter.steps(encoder.source().id(),
                                LoadedModel.processor(config).description(),
                                StepWeights.DEFAULT)))
                        .model());
            }
            Optional<StartedLoad> loading = hosted.stream().findFirst().map(StartedLoad::new);
            if (!config.adapters().isEmpty()) {
                loading.ifPresent(StartedLoad::await); // they are placed beside it
            }
            new MachineMetrics(lanes, hosted, this::rate, meter).register(registry);
            new ReplicaMetrics(lanes, hosted).register(registry);
            GpuMetrics.register(registry, gpus(lanes.count()).stream().flatMap(List::stream)
                    .toList());
            this.keys = closing.later(KeyRing.open(ledger));
            BudgetGate gate = new BudgetGate(closing.later(Budgets.open(ledger,
                    Clock.systemUTC(), alerts(config))), meter.tokenTimes(), this::rate,
                    prices);
            Optional<EngineAdapters> adapters = hosted.stream().findFirst()
                    .map(first -> new EngineAdapters(models.getFirst().served(first)));
            this.http = new MillraceServer(httpSettings(config),
                    adapters.map(all -> served(all, hosted)).orElse(List.of()), embedding,
                    adapters.filter(_ -> config.adapterUpdates()).map(AdapterLoader.class::cast),
                    meter, gate, keys, config.store().map(limits -> storage(ledgerFile, limits)),
                    Optional.of(new DashboardRoutes(closing.later(new LedgerView(ledger)),
                            elsewhere, gate, Clock.systemUTC())),
                    registry);
            this.loaded = loading.map(StartedLoad::await);
            this.port = http.start();
        } catch (RuntimeException | Error e) {
            closing.closeAfter(e);
            throw e;
        }
    }

    /** What is asked for a batch's row is what its team's budgets are charged. */
    private static InternalPrices internalPrices(ServerConfig settings) {
        return InternalPrices.configured(settings.cost(), settings.batches().price().millionths());
    }

    /** Who is told of a model's steps, by lane. */
    private static List<StepObserver> observers(ServableModel model, UsageMeter meter,
            MeterRegistry registry) {
        return meter.steps(model.id(), model.choice().learners(), model.expectedWeights())
                .stream().<StepObserver>map(steps -> new StepCounters(steps, registry, model.id()))
                .toList();
    }

    /** The GPUs that models are to run on, by lane; empty where there is none. */
    private List<List<CudaDeviceInfo>> gpus(int lanes) {
        return IntStream.range(0, lanes).mapToObj(lane -> models.stream()
                .map(model -> model.choice().replicas().get(lane))
                .filter(GpuDevice.class::isInstance)
                .flatMap(device -> ((GpuDevice) device).devices().stream()).distinct().toList())
                .filter(gpus -> !gpus.isEmpty()).toList();
    }

    private void requireReplicable() {
        if (models.isEmpty() && config.gpus().replicas() > 1) {
            throw new IllegalArgumentException("--replicas is for models that generate, on GPUs;"
                    + " encoders run on the processor, so leave it out");
        }
    }

    private BudgetEvents alerts(ServerConfig settings) {
        return WebhookTarget.configured(settings.cost()).<BudgetEvents>map(target -> closing
                .later(BudgetWebhook.start(target))).orElse(BudgetEvents.NOBODY);
    }

    /** The prices that come with the program, and the user's, which lie beside the usual ledger. */
    private static Counterfactual elsewhere(Path usualLedger) {
        return Counterfactual.of(new PriceFile(usualLedger.toAbsolutePath().getParent())
                .catalog(LocalDate.now(ZoneOffset.UTC)));
    }

    private Storage storage(Path usualLedger, StoreLimits limits) {
        Path file = ledger.file().orElse(usualLedger);
        StoreDatabase database = closing.later(StoreDatabase.open(file, limits,
                Clock.systemUTC()));
        return new Storage(database, new BatchStore(database, FileStore.open(database, file,
                config.batches().files())), config.batches());
    }

    private void open(ModelSource source) {
        switch (OpenedModel.open(source.file())) {
            case EncoderModel encoder -> {
                encoders.add(new EncoderSource(source, closing.later(encoder)));
                if (source.draft().isPresent()) {
                    throw new IllegalArgumentException(source.id() + " embeds texts and says"
                            + " nothing, so no draft can guess for it; leave its --draft out");
                }
            }
            case Model model -> models.add(closing.later(
                    new ServableModel(source, model, config, models.isEmpty())));
        }
    }

    private static void requireDistinct(List<ModelSource> sources) {
        Set<String> ids = new HashSet<>();
        for (ModelSource source : sources) {
            if (!ids.add(source.id())) {
                throw new IllegalArgumentException("two models are called " + source.id()
                        + "; name one of them otherwise, as in NAME=" + source.file());
            }
        }
        if (sources.isEmpty()) {
            throw new IllegalArgumentException("a server needs at least one model");
        }
    }

    /** What encoders take of the processor's memory: they have no cache that could be smaller. */
    private long encoderBytes() {
        return encoders.stream()
                .mapToLong(encoder -> ServedEmbedder.needBytes(encoder.model(), config)).sum();
    }

    /**
     * Checks what can be checked before a model is pulled and loaded.
     *
     * @throws IllegalArgumentException if the cost makes no sense
     * @throws ServerStartException     if the address cannot be listened on, or the certificate not
     *                                  be used
     */
    public static void requireStartable(ServerConfig config) {
        RateSchedule.configured(config.cost());
        internalPrices(config);
        WebhookTarget.configured(config.cost());
        PortCheck.require(config.host(), config.port());
        httpSettings(config).tls().ifPresent(TlsFiles::require);
    }

    /** The first model, the same with each adapter of the configuration, and the other models. */
    private List<ServedModel> served(EngineAdapters adapters, List<HostedModel> hosted) {
        List<ServedModel> served = new ArrayList<>(List.of(adapters.base()));
        config.adapters().forEach(adapter -> served
                .add(adapters.load(adapter.name(), adapter.path())));
        for (int i = 1; i < hosted.size(); i++) {
            served.add(models.get(i).served(hosted.get(i)));
        }
        return served;
    }

    private static HttpSettings httpSettings(ServerConfig config) {
        Exposure exposure = config.exposure();
        return new HttpSettings(config.host(), config.port(), exposure.metricsPort(),
                exposure.tlsCertificate().map(certificate -> new TlsFiles(certificate,
                        exposure.tlsKey().orElseThrow())),
                exposure.corsOrigins(), exposure.requestLog(), exposure.logsPrompts(),
                exposure.traces(),
                HttpLimits.DEFAULT);
    }

    /** What clients call the first model that generates, or embeds if none does. */
    public String id() {
        return models.isEmpty() ? embedding.getFirst().id() : models.getFirst().id();
    }

    /** The models that embed. */
    public List<EmbeddingModel> embedding() {
        return List.copyOf(embedding);
    }

    /**
     * What clients call the models that generate, beside the first; with what they run on, and why,
     * where that is something else than what the first runs on.
     */
    public List<String> others() {
        String usual = models.isEmpty() ? "" : models.getFirst().device().description();
        return models.stream().skip(1).map(model -> model.id()
                + (model.device().description().equals(usual)
                        ? ""
                        : " (" + model.device().description() + "; " + model.why() + ")"))
                .toList();
    }

    /** The terms of the model of {@link #id}. */
    public Licence licence() {
        return models.isEmpty() ? embedding.getFirst().licence() : models.getFirst().licence();
    }

    /** The port that it listens on. */
    public int port() {
        return port;
    }

    /** The port for metrics; 0 if there is none. */
    public int metricsPort() {
        return http.metricsPort();
    }

    /** How many GPUs, or groups of them, serve side by side. */
    public int replicas() {
        return config.gpus().replicas();
    }

    /** The first model that generates, as it was loaded at the start. */
    public Optional<LoadedModel> loaded() {
        return loaded.map(all -> all.first().loaded());
    }

    /** The draft model of {@link #loaded}, if it has one. */
    public Optional<DraftModel> draft() {
        return loaded.flatMap(all -> all.first().draft());
    }

    /** What the machine costs now. */
    public CostModel rate() {
        return rates.at(Instant.now());
    }

    public EnergySource energy() {
        return energy;
    }

    /** Whether clients need a key, which holds from the first one that is made. */
    public boolean needsKeys() {
        return !keys.isEmpty();
    }

    /** Where the ledger is. */
    public LedgerAddress ledger() {
        return ledger;
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
