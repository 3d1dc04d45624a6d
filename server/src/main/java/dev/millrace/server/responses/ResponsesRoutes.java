package dev.millrace.server.responses;

import dev.millrace.server.dialects.ListenedChunks;
import dev.millrace.server.openai.ApiException;
import dev.millrace.server.openai.Caller;
import dev.millrace.server.openai.Completions;
import dev.millrace.server.openai.Exchange;
import dev.millrace.server.openai.Fields;
import dev.millrace.server.openai.Json;
import dev.millrace.server.openai.ModelDirectory;
import dev.millrace.server.openai.ResponseStream;
import dev.millrace.server.store.ResponseStore;
import dev.millrace.server.tenants.Identity;
import dev.millrace.server.tenants.RouteAccess;
import io.javalin.config.RoutesConfig;
import io.javalin.http.Context;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.time.Clock;
import java.util.Optional;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** OpenAI's Responses API. */
public final class ResponsesRoutes {

    public static final String RESPONSES = "/v1/responses";
    private static final String ONE = RESPONSES + "/{id}";
    private static final String ID_PREFIX = "resp_";

    private final ModelDirectory models;
    private final Completions completions;
    private final Exchange exchange;
    private final StoredResponses stored;
    private final JsonMapper reader;
    private final Clock clock;

    /** @param store of responses; empty where none are kept */
    public ResponsesRoutes(ModelDirectory models, Completions completions, Exchange exchange,
            Optional<ResponseStore> store, Clock clock) {
        this.models = models;
        this.completions = completions;
        this.exchange = exchange;
        this.stored = new StoredResponses(store);
        this.reader = Json.reader(exchange.limits());
        this.clock = clock;
    }

    /** Adds the routes. */
    public void register(RoutesConfig routes) {
        routes.post(RESPONSES, context -> exchange.run(context, this::create),
                RouteAccess.TENANTS);
        routes.post(RESPONSES + "/input_tokens", context -> exchange.json(context, this::count),
                RouteAccess.TENANTS);
        routes.get(ONE, this::retrieve, RouteAccess.TENANTS);
        routes.delete(ONE, this::delete, RouteAccess.TENANTS);
        routes.post(ONE + "/cancel", this::cancel, RouteAccess.TENANTS);
        routes.get(ONE + "/input_items", context -> Exchange.json(context,
                InputPage.of(context, stored.input(tenant(context), id(context)))),
                RouteAccess.TENANTS);
    }

    private void create(Fields body, Caller caller, HttpServletResponse http)
            throws IOException, InterruptedException {
        ResponseRequest request = read(body, caller);
        if (request.streams()) {
            create(request, RESPONSES, caller, new ServerSentEvents(new ResponseStream(http,
                    "text/event-stream", exchange.limits().keepAlive(),
                    caller.identity().quota())));
        } else {
            Exchange.json(http, caller, create(request, RESPONSES, caller, EventOutput.NONE));
        }
    }

    /**
     * Makes a whole response.
     *
     * @param body     of {@code POST /v1/responses}, which does not stream
     * @param endpoint the client's, for the ledger
     * @throws ApiException if it fails
     * @throws IOException  if the client vanished
     */
    public ObjectNode whole(Fields body, String endpoint, Caller caller)
            throws IOException, InterruptedException {
        return create(read(body, caller), endpoint, caller, EventOutput.NONE);
    }

    private ResponseRequest read(Fields body, Caller caller) throws InterruptedException {
        return new RequestReader(body, stored, caller.identity().tenant()).read();
    }

    private ObjectNode create(ResponseRequest request, String endpoint, Caller caller,
            EventOutput output) throws IOException, InterruptedException {
        Identity owner = caller.identity();
        ResponseBuilder builder = new ResponseBuilder(request, output,
                response -> stored.keep(owner, request.input(), response), reader, clock);
        try {
            truncate(request, caller);
            completions.chat(request.chat(), endpoint, ID_PREFIX, caller,
                    new ListenedChunks(builder));
        } catch (ApiException e) {
            throw ChatWords.reworded(e);
        }
        return builder.response();
    }

    private void truncate(ResponseRequest request, Caller caller) {
        if (request.truncates()) {
            int contextTokens = models.require(request.chat().get("model").stringValue())
                    .contextTokens();
            Truncation.fit(request.chat(),
                    Truncation.promptTokens(contextTokens, request.maxOutputTokens()),
                    chat -> completions.chatPrompt(chat, caller).length);
        }
    }

    private ObjectNode count(Fields body, Caller caller) throws InterruptedException {
        ResponseRequest request = read(body, caller);
        try {
            truncate(request, caller);
            return Json.object().put("object", "response.input_tokens").put("input_tokens",
                    completions.chatPrompt(request.chat(), caller).length);
        } catch (ApiException e) {
            throw ChatWords.reworded(e);
        }
    }

    private static String tenant(Context context) {
        return Identity.of(context.req()).tenant();
    }

    private static String id(Context context) {
        return context.pathParam("id");
    }

    private void retrieve(Context context) throws InterruptedException {
        if ("true".equals(context.queryParam("stream"))
                || context.queryParam("starting_after") != null) {
            throw ApiException.unsupported("stream", "a response's events are not kept: stream it"
                    + " when it is made, and retrieve it whole, without stream and"
                    + " starting_after");
        }
        Exchange.json(context, stored.response(tenant(context), id(context)));
    }

    private void delete(Context context) throws InterruptedException {
        stored.remove(tenant(context), id(context));
        Exchange.json(context, Json.object().put("id", id(context)).put("object", "response")
                .put("deleted", true));
    }

    /** Those that are stored have ended; one under way ends with its connection. */
    private void cancel(Context context) throws InterruptedException {
        stored.response(tenant(context), id(context));
        throw ApiException.refused(400, null, "invalid_request", "the response " + id(context)
                + " has ended; only responses in the background could be cancelled, which this"
                + " server does not make: close a response's connection to end it");
    }
}
