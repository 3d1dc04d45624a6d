package dev.millrace.server.http;

import dev.millrace.server.anthropic.AnthropicErrors;
import dev.millrace.server.anthropic.AnthropicRoutes;
import dev.millrace.server.batches.BatchEndpoints;
import dev.millrace.server.batches.BatchRoutes;
import dev.millrace.server.batches.BatchRunner;
import dev.millrace.server.budgets.BudgetHeaders;
import dev.millrace.server.budgets.BudgetMetrics;
import dev.millrace.server.budgets.BudgetRoutes;
import dev.millrace.server.dashboard.DashboardRoutes;
import dev.millrace.server.dialects.TokenRoutes;
import dev.millrace.server.embeddings.EmbeddingHandler;
import dev.millrace.server.embeddings.EmbeddingModel;
import dev.millrace.server.embeddings.EmbeddingRoutes;
import dev.millrace.server.embeddings.Embeddings;
import dev.millrace.server.files.FileRoutes;
import dev.millrace.server.metering.MeteredRequest;
import dev.millrace.server.metering.RequestMeter;
import dev.millrace.server.metering.budget.BudgetGate;
import dev.millrace.server.metering.budget.Budgets;
import dev.millrace.server.ollama.OllamaErrors;
import dev.millrace.server.ollama.OllamaRoutes;
import dev.millrace.server.openai.Completions;
import dev.millrace.server.openai.OpenAiRoutes;
import dev.millrace.server.openai.completion.Accounts;
import dev.millrace.server.openai.completion.Caller;
import dev.millrace.server.openai.completion.Exchange;
import dev.millrace.server.openai.completion.RequestMetrics;
import dev.millrace.server.openai.model.AdapterLoader;
import dev.millrace.server.openai.model.ModelDirectory;
import dev.millrace.server.openai.model.ServedModel;
import dev.millrace.server.openai.wire.HttpLimits;
import dev.millrace.server.openai.wire.RequestHeaders;
import dev.millrace.server.pages.Page;
import dev.millrace.server.responses.ResponsesRoutes;
import dev.millrace.server.store.ResponseStore;
import dev.millrace.server.tenants.Identity;
import dev.millrace.server.tenants.KeyRing;
import dev.millrace.server.tenants.RouteAccess;
import dev.millrace.server.tracing.TraceExporter;
import io.javalin.Javalin;
import io.javalin.compression.CompressionStrategy;
import io.javalin.config.JavalinConfig;
import io.javalin.config.RoutesConfig;
import io.javalin.http.Context;
import io.javalin.http.HandlerType;
import io.javalin.router.Endpoint;
import io.javalin.router.ParsedEndpoint;
import io.javalin.security.Roles;
import io.javalin.security.RouteRole;
import io.javalin.util.JavalinException;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.Semaphore;
import java.util.stream.Stream;
import org.eclipse.jetty.server.Connector;
import org.eclipse.jetty.server.NetworkConnectionLimit;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The HTTP server: models in, requests answered, streams drained at the end. */
public final class MillraceServer {

    private static final Logger LOG = LoggerFactory.getLogger(MillraceServer.class);

    /** Those of HTTP (RFC 9110, RFC 5789); metrics name no other. */
    private static final Set<String> METHODS = Set.of("GET", "HEAD", "POST", "PUT", "PATCH",
            "DELETE", "OPTIONS", "TRACE", "CONNECT");
    /** For the last chunk and the receipt of a request that has just ended. */
    private static final Duration LAST_WORDS = Duration.ofSeconds(5);

    private final HttpSettings settings;
    private final HttpLimits limits;
    private final List<ServedModel> models;
    private final List<EmbeddingModel> embedding;
    private final PrometheusMeterRegistry registry;
    private final RequestMetrics metrics;
    private final OpenAiRoutes openAi;
    private final EmbeddingRoutes embeddings;
    private final CrossOrigin crossOrigin;
    private final AnthropicRoutes anthropic;
    private final OllamaRoutes ollama;
    private final ResponsesRoutes responses;
    private final TokenRoutes tokens;
    private final Optional<DashboardRoutes> dashboard;
    private final Optional<FileRoutes> files;
    private final Optional<BatchRoutes> batches;
    private final Optional<BatchRunner> runner;
    private final Exchange exchange;
    private final Budgets budgets;
    private final BudgetMetrics budgetMetrics;
    private final AccessControl access;
    private final Optional<RequestLog> log;
    private final Optional<TraceExporter> traces;
    private final Javalin javalin;
    private volatile boolean draining;
    private volatile int metricsPort;

    /**
     * Prepares a server; nothing listens yet.
     *
     * @param models    what generates, adapters after their model; {@link #stop} drains the engines
     *                  and does not close them
     * @param embedding what embeds; of both kinds together there is at least one
     * @param adapters  loads more adapters for clients; empty where they may not
     * @param gate      what sets money aside; its budgets are not closed
     * @param keys      who may use it; not closed either
     * @param storage   for what clients leave; empty where they may leave nothing
     * @param dashboard where the ledger is one that can be read
     */
    public MillraceServer(HttpSettings settings, List<ServedModel> models,
            List<EmbeddingModel> embedding, Optional<AdapterLoader> adapters, RequestMeter meter,
            BudgetGate gate, KeyRing keys, Optional<Storage> storage,
            Optional<DashboardRoutes> dashboard,
            PrometheusMeterRegistry registry) {
        if (models.isEmpty() && embedding.isEmpty()) {
            throw new IllegalArgumentException("a server needs at least one model");
        }
        this.settings = settings;
        this.limits = settings.limits();
        this.models = List.copyOf(models);
        this.registry = registry;
        this.traces = settings.traces().map(url -> TraceExporter.start(url, registry));
        this.metrics = new RequestMetrics(registry, this.models, traces);
        this.embedding = List.copyOf(embedding);
        ModelDirectory directory = new ModelDirectory(
                Stream.concat(models.stream(), embedding.stream()).toList());
        this.exchange = new Exchange(limits,
                request -> new Caller(Identity.of(request), PeekingEndPoint.of(request),
                        new RequestHeaders(request.getHeader(RequestHeaders.SESSION),
                                request.getHeader(RequestHeaders.TIMEOUT),
                                request.getHeader(RequestHeaders.TRACE))));
        Accounts accounts = new Accounts(meter, metrics, gate);
        Completions completions = new Completions(directory, this.models, accounts, metrics,
                limits);
        this.openAi = new OpenAiRoutes(directory, this.models, adapters, completions, exchange);
        this.anthropic = new AnthropicRoutes(completions, exchange);
        this.responses = new ResponsesRoutes(directory, completions, exchange,
                storage.map(all -> new ResponseStore(all.database())), Clock.systemUTC());
        this.tokens = new TokenRoutes(directory, completions, exchange);
        Embeddings vectors = new Embeddings(directory, embedding, accounts, registry, limits);
        this.embeddings = new EmbeddingRoutes(vectors, exchange);
        this.ollama = new OllamaRoutes(directory, completions, new EmbeddingHandler(vectors),
                exchange);
        this.budgets = gate.budgets();
        this.budgetMetrics = new BudgetMetrics(budgets, registry);
        this.dashboard = dashboard;
        BatchEndpoints endpoints = endpoints(completions, responses,
                new EmbeddingHandler(vectors));
        this.runner = storage.map(all -> new BatchRunner(all.batches(), new BatchRunner.Terms(
                endpoints, all.settings().price(), limits,
                (model, identity) -> ModelDirectory.requireAllowed(directory.requireAny(model),
                        identity),
                keys::owner, new Semaphore(all.settings().rows(), true))));
        this.batches = storage.map(all -> new BatchRoutes(all.batches(), runner.orElseThrow(),
                endpoints, exchange));
        this.files = storage.map(all -> new FileRoutes(all.batches(), exchange));
        this.crossOrigin = new CrossOrigin(settings.corsOrigins());
        this.access = new AccessControl(keys, new HostGuard(settings.host(), crossOrigin),
                this::metricsPort, settings.logsPrompts());
        this.log = settings.requestLog().map(RequestLog::open);
        this.javalin = Javalin.create(this::configure);
    }

    /** What answers clients answers rows of batches. */
    private static BatchEndpoints endpoints(Completions completions, ResponsesRoutes responses,
            EmbeddingHandler vectors) {
        String batches = MeteredRequest.BATCHES;
        return new BatchEndpoints(Map.of("/v1/chat/completions",
                (body, caller) -> completions.wholeChat(body, batches, caller), "/v1/completions",
                (body, caller) -> completions.wholeCompletion(body, batches, caller),
                ResponsesRoutes.RESPONSES,
                (body, caller) -> responses.whole(body, batches, caller)),
                Map.of(EmbeddingHandler.ENDPOINT,
                        (body, caller) -> vectors.answer(body, batches, caller)));
    }

    /** Listens. @return the port @throws ServerStartException if it cannot, with advice */
    public int start() {
        try {
            javalin.start();
        } catch (JavalinException e) {
            throw ServerStartException.of(settings.host(), settings.port(), e);
        }
        if (settings.metricsPort().isPresent()) {
            Connector[] connectors = javalin.jettyServer().server().getConnectors();
            metricsPort = ((ServerConnector) connectors[connectors.length - 1]).getLocalPort();
        }
        runner.ifPresent(BatchRunner::start);
        return javalin.port();
    }

    /** The port for metrics as it was opened; 0 if there is none. */
    public int metricsPort() {
        return metricsPort;
    }

    /**
     * Refuses new requests, lets running ones finish, and stops listening.
     *
     * @param timeout for running requests; what is left then is cancelled
     * @return whether all finished in time
     */
    public boolean stop(Duration timeout) {
        draining = true;
        runner.ifPresent(BatchRunner::stop);
        long deadline = System.nanoTime() + timeout.toNanos();
        boolean finished = true;
        for (ServedModel model : models) {
            long left = Math.max(0, deadline - System.nanoTime());
            finished &= model.engine().drain(Duration.ofNanos(left));
        }
        for (EmbeddingModel model : embedding) {
            long left = Math.max(0, deadline - System.nanoTime());
            finished &= model.engine().drain(Duration.ofNanos(left));
        }
        awaitLastWords();
        javalin.stop();
        log.ifPresent(RequestLog::close);
        traces.ifPresent(TraceExporter::close);
        return finished;
    }

    private void awaitLastWords() {
        try {
            if (runner.isPresent() && !runner.get().await(LAST_WORDS)) {
                LOG.warn("rows of batches still run; they run again after the next start");
            }
            responses.awaitStored(LAST_WORDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Every route, as its method and path, with who may use it. */
    Map<String, Set<RouteRole>> routes() {
        Map<String, Set<RouteRole>> routes = new TreeMap<>();
        for (ParsedEndpoint parsed : javalin.unsafe.internalRouter.allHttpHandlers()) {
            Endpoint route = parsed.endpoint;
            Roles roles = route.metadata(Roles.class);
            if (METHODS.contains(route.method.name())) {
                routes.put(route.method.name() + " " + route.path,
                        roles == null ? Set.of() : roles.getRoles());
            }
        }
        return routes;
    }

    private void configure(JavalinConfig config) {
        config.startup.showJavalinBanner = false;
        config.startup.showOldJavalinVersionWarning = false;
        config.startup.startupWatcherEnabled = false;
        config.concurrency.useVirtualThreads = true;
        config.http.prefer405over404 = true;
        config.http.maxRequestSize = limits.bodyBytes();
        config.http.compressionStrategy = CompressionStrategy.NONE;
        config.router.javaLangErrorHandler(ErrorResponses::fatal);
        config.jetty.modifyServer(this::configure);
        config.jetty.modifyServletContextHandler(
                handler -> handler.setErrorHandler(new JsonErrorHandler()));
        Connectors connectors = new Connectors(settings);
        config.jetty.addConnector(connectors::main);
        if (settings.metricsPort().isPresent()) {
            config.jetty.addConnector(connectors::metrics);
        }
        config.requestLogger.http(this::answered);
        register(config.routes);
    }

    private void configure(Server server) {
        server.setStopTimeout(LAST_WORDS.toMillis());
        server.setErrorHandler(new JsonErrorHandler());
        server.addBean(new NetworkConnectionLimit(limits.connections(), server));
    }

    private void register(RoutesConfig routes) {
        routes.before(RequestId::assign);
        routes.before(crossOrigin::answer);
        routes.before(access::identify);
        routes.beforeMatched(access::authorize);
        routes.beforeMatched(this::describeBudgets);
        new ErrorResponses(access, List.of(new AnthropicErrors(), new OllamaErrors()))
                .register(routes);
        Health health = new Health(models, () -> draining);
        routes.get("/health", health::ready, RouteAccess.ANYBODY);
        routes.get("/readyz", health::ready, RouteAccess.ANYBODY);
        routes.get("/livez", health::alive, RouteAccess.ANYBODY);
        routes.get("/metrics", context -> {
            budgetMetrics.refresh();
            context.contentType("text/plain; version=0.0.4; charset=utf-8")
                    .result(registry.scrape());
        }, RouteAccess.METRICS);
        Page.chat().register(routes, "/");
        dashboard.ifPresent(one -> one.register(routes, exchange));
        new BudgetRoutes(budgets).register(routes, exchange);
        openAi.register(routes);
        responses.register(routes);
        files.ifPresent(one -> one.register(routes));
        batches.ifPresent(one -> one.register(routes));
        embeddings.register(routes);
        anthropic.register(routes);
        ollama.register(routes);
        tokens.register(routes);
    }

    /** What works says how the caller's budgets stood when it came. */
    private void describeBudgets(Context context) {
        if (context.method().equals(HandlerType.POST)) {
            Identity.ifKnown(context.req()).ifPresent(identity -> new BudgetHeaders(budgets)
                    .of(identity).forEach(context::header));
        }
    }

    private void answered(Context context, float millis) {
        metrics.answered(route(context), method(context), context.statusCode());
        log.ifPresent(lines -> lines.write(context, route(context), millis));
    }

    private static String route(Context context) {
        Endpoint matched = context.endpoints().lastHttpEndpoint();
        return matched == null ? "unmatched" : matched.path;
    }

    /** Names that clients invent must not become series: each would stay for good. */
    private static String method(Context context) {
        String name = context.method().name();
        return METHODS.contains(name) ? name : "other";
    }
}
