package dev.millrace.server.openai;

import dev.millrace.server.metering.RequestMeter;
import dev.millrace.server.tenants.Identity;
import dev.millrace.server.tenants.RouteAccess;
import io.javalin.config.RoutesConfig;
import io.javalin.http.Context;
import jakarta.servlet.http.HttpServletRequest;
import java.io.IOException;
import java.util.List;
import java.util.Optional;
import java.util.function.BiFunction;
import java.util.function.Function;

/** The routes below {@code /v1}. */
public final class OpenAiRoutes {

    private final ModelDirectory models;
    private final Completions completions;
    private final RequestBody bodies;
    private final AdapterRoutes adapters;
    private final Function<HttpServletRequest, Caller> callers;

    /**
     * @param models   at least one; the first is what adapters are loaded for
     * @param adapters loads adapters for clients; empty where they may not
     * @param callers  tells who sent a request
     */
    public OpenAiRoutes(List<ServedModel> models, Optional<AdapterLoader> adapters,
            RequestMeter meter, RequestMetrics metrics, HttpLimits limits,
            Function<HttpServletRequest, Caller> callers) {
        this.models = new ModelDirectory(models);
        this.completions = new Completions(this.models, models, meter, metrics, limits);
        this.bodies = new RequestBody(limits);
        this.adapters = new AdapterRoutes(this.models, models.getFirst().baseId(),
                adapters.orElse(null), bodies);
        this.callers = callers;
    }

    /** What other dialects answer by. */
    public Completions completions() {
        return completions;
    }

    /** Adds the routes. */
    public void register(RoutesConfig routes) {
        routes.get("/v1/models", context -> json(context,
                Json.bytes(models.list(Identity.of(context.req())))), RouteAccess.TENANTS);
        routes.get("/v1/models/{id}", this::describe, RouteAccess.TENANTS);
        routes.post("/v1/chat/completions",
                context -> answer(context, (fields, caller) -> completions
                        .jobs().chat(fields, ChatFormat.OPENAI, caller)),
                RouteAccess.TENANTS);
        routes.post("/v1/completions", context -> answer(context, completions.jobs()::completion),
                RouteAccess.TENANTS);
        adapters.register(routes);
    }

    private void describe(Context context) {
        ServedModel model = models.require(context.pathParam("id"));
        ModelDirectory.requireAllowed(model, Identity.of(context.req()));
        json(context, Json.bytes(ModelDirectory.describe(model)));
    }

    static void json(Context context, byte[] body) {
        context.contentType("application/json").result(body);
    }

    private void answer(Context context, BiFunction<Fields, Caller, CompletionJob> read)
            throws IOException, InterruptedException {
        try (Completions.Admission _ = completions.admit()) {
            Caller caller = callers.apply(context.req());
            CompletionJob job = read.apply(bodies.read(context.req()), caller);
            completions.service().answer(job, context.res(), caller.connection());
        }
    }
}
