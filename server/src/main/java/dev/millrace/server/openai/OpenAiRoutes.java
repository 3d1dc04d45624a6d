package dev.millrace.server.openai;

import dev.millrace.server.openai.completion.ChatFormat;
import dev.millrace.server.openai.completion.CompletionFormat;
import dev.millrace.server.openai.completion.Exchange;
import dev.millrace.server.openai.model.AdapterLoader;
import dev.millrace.server.openai.model.ListedModel;
import dev.millrace.server.openai.model.ModelDirectory;
import dev.millrace.server.openai.model.ServedModel;
import dev.millrace.server.openai.wire.RequestBody;
import dev.millrace.server.tenants.Identity;
import dev.millrace.server.tenants.RouteAccess;
import io.javalin.config.RoutesConfig;
import io.javalin.http.Context;
import java.util.List;
import java.util.Optional;

/** The routes below {@code /v1} that generate, and the models. */
public final class OpenAiRoutes {

    private final ModelDirectory models;
    private final Completions completions;
    private final Exchange exchange;
    private final Optional<AdapterRoutes> adapters;

    /**
     * @param models   everything that is served
     * @param served   those of them that generate; the first is what adapters are loaded for
     * @param adapters loads adapters for clients; empty where they may not
     */
    public OpenAiRoutes(ModelDirectory models, List<ServedModel> served,
            Optional<AdapterLoader> adapters, Completions completions, Exchange exchange) {
        this.models = models;
        this.completions = completions;
        this.exchange = exchange;
        this.adapters = served.stream().findFirst().map(base -> new AdapterRoutes(models,
                base.baseId(), adapters.orElse(null), new RequestBody(exchange.limits())));
    }

    /** Adds the routes. */
    public void register(RoutesConfig routes) {
        routes.get("/v1/models", context -> Exchange.json(context,
                models.list(Identity.of(context.req()))), RouteAccess.TENANTS);
        routes.get("/v1/models/{id}", this::describe, RouteAccess.TENANTS);
        routes.post("/v1/chat/completions", context -> exchange.run(context,
                (body, caller, response) -> completions.service().answer(
                        completions.jobs().chat(body, ChatFormat.OPENAI, caller), response,
                        caller.connection())),
                RouteAccess.TENANTS);
        routes.post("/v1/completions", context -> exchange.run(context,
                (body, caller, response) -> completions.service().answer(
                        completions.jobs().completion(body, CompletionFormat.OPENAI, caller),
                        response,
                        caller.connection())),
                RouteAccess.TENANTS);
        adapters.ifPresent(adapter -> adapter.register(routes));
    }

    private void describe(Context context) {
        ListedModel model = models.requireAny(context.pathParam("id"));
        ModelDirectory.requireAllowed(model, Identity.of(context.req()));
        Exchange.json(context, ModelDirectory.describe(model));
    }
}
