package dev.millrace.server.openai;

import dev.millrace.engine.Vocabulary;
import dev.millrace.engine.constrain.TokenConstraint;
import dev.millrace.server.metering.RequestMeter;
import io.javalin.config.RoutesConfig;
import io.javalin.http.Context;
import jakarta.servlet.http.HttpServletRequest;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.Semaphore;
import java.util.function.Function;
import java.util.stream.Collectors;

/** The routes below {@code /v1}. */
public final class OpenAiRoutes {

    /** Whom to bill while there are no keys that tell clients apart. */
    private static final String TENANT = "local";
    private static final Duration BUSY_RETRY = Duration.ofSeconds(1);

    private final ModelDirectory models;
    private final CompletionService completions;
    private final RequestBody bodies;
    private final AdapterRoutes adapters;
    private final Map<String, ConstraintCache> constraints;
    private final HttpLimits limits;
    private final Semaphore permits;
    private final Function<HttpServletRequest, ClientConnection> connections;

    /**
     * @param models      at least one; the first is what adapters are loaded for
     * @param adapters    loads adapters for clients; empty where they may not
     * @param connections finds the connection that a request came on
     */
    public OpenAiRoutes(List<ServedModel> models, Optional<AdapterLoader> adapters,
            RequestMeter meter, RequestMetrics metrics, HttpLimits limits,
            Function<HttpServletRequest, ClientConnection> connections) {
        this.models = new ModelDirectory(models);
        this.completions = new CompletionService(meter, metrics, limits);
        this.bodies = new RequestBody(limits);
        this.adapters = new AdapterRoutes(this.models, models.getFirst().baseId(),
                adapters.orElse(null), bodies);
        this.constraints = models.stream().collect(Collectors.toMap(ServedModel::baseId,
                model -> new ConstraintCache(Vocabulary.of(model.tokenizer(),
                        model.spec().vocabularySize())),
                (first, same) -> first));
        this.limits = limits;
        this.permits = new Semaphore(limits.requests());
        this.connections = connections;
    }

    /** Adds the routes. */
    public void register(RoutesConfig routes) {
        routes.get("/v1/models", context -> json(context, Json.bytes(models.list())));
        routes.get("/v1/models/{id}", context -> json(context,
                Json.bytes(ModelDirectory.describe(models.require(context.pathParam("id"))))));
        routes.post("/v1/chat/completions", context -> answer(context, this::chat));
        routes.post("/v1/completions", context -> answer(context, this::completion));
        adapters.register(routes);
    }

    static void json(Context context, byte[] body) {
        context.contentType("application/json").result(body);
    }

    private void answer(Context context, Function<Fields, CompletionJob> read)
            throws IOException, InterruptedException {
        if (!permits.tryAcquire()) {
            throw ApiException.overloaded("this server handles at most " + limits.requests()
                    + " requests at once", BUSY_RETRY);
        }
        try {
            CompletionJob job = read.apply(bodies.read(context.req()));
            completions.answer(job, context.res(), connections.apply(context.req()));
        } finally {
            permits.release();
        }
    }

    private CompletionJob chat(Fields fields) {
        ServedModel model = models.require(fields.text("model"));
        UnsupportedFields.refuseInChat(fields);
        GenerationOptions options = OptionsReader.chat(fields, model, limits)
                .constrained(constraint(fields, model));
        List<int[]> prompts = List.of(Prompts.chat(model, ChatMessages.read(fields)));
        return job(model, new ChatFormat(), prompts, options);
    }

    private CompletionJob completion(Fields fields) {
        ServedModel model = models.require(fields.text("model"));
        UnsupportedFields.refuseInCompletion(fields);
        GenerationOptions options = OptionsReader.completion(fields, model, limits)
                .constrained(constraint(fields, model));
        List<int[]> prompts = Prompts.completion(fields, model, limits);
        if (prompts.size() * options.choices() > limits.choices()) {
            throw ApiException.invalid("n", prompts.size() + " prompts with n = "
                    + options.choices() + " make " + prompts.size() * options.choices()
                    + " completions; one request may ask for at most " + limits.choices());
        }
        return job(model, new CompletionFormat(), prompts, options);
    }

    private TokenConstraint constraint(Fields fields, ServedModel model) {
        return ConstraintReader.read(fields, constraints.get(model.baseId()));
    }

    private static CompletionJob job(ServedModel model, ResponseFormat format,
            List<int[]> prompts, GenerationOptions options) {
        String id = format.idPrefix() + UUID.randomUUID().toString().replace("-", "");
        return CompletionJob.of(id, Instant.now().getEpochSecond(), model, format, prompts,
                options, TENANT);
    }
}
