package dev.millrace.server.responses;

import dev.millrace.server.openai.Completions;
import dev.millrace.server.openai.completion.Caller;
import dev.millrace.server.openai.completion.Exchange;
import dev.millrace.server.openai.completion.ResponseStream;
import dev.millrace.server.openai.model.ModelDirectory;
import dev.millrace.server.openai.wire.ApiException;
import dev.millrace.server.openai.wire.ClientWatch;
import dev.millrace.server.openai.wire.Fields;
import dev.millrace.server.openai.wire.Json;
import dev.millrace.server.store.ResponseStore;
import dev.millrace.server.tenants.Identity;
import dev.millrace.server.tenants.RouteAccess;
import io.javalin.config.RoutesConfig;
import io.javalin.http.Context;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.time.Clock;
import java.time.Duration;
import java.util.Optional;
import tools.jackson.databind.node.ObjectNode;

/** OpenAI's Responses API. */
public final class ResponsesRoutes {

    public static final String RESPONSES = "/v1/responses";
    private static final String ONE = RESPONSES + "/{id}";

    private final Exchange exchange;
    private final StoredResponses stored;
    private final ResponseWork work;
    private final BackgroundResponses background;

    /** @param store of responses; empty where none are kept */
    public ResponsesRoutes(ModelDirectory models, Completions completions, Exchange exchange,
            Optional<ResponseStore> store, Clock clock) {
        this.exchange = exchange;
        this.stored = new StoredResponses(store);
        this.work = new ResponseWork(models, completions, stored, exchange.limits(), clock);
        this.background = new BackgroundResponses(work, stored);
    }

    /** Adds the routes. */
    public void register(RoutesConfig routes) {
        routes.post(RESPONSES, context -> exchange.run(context, this::create),
                RouteAccess.TENANTS);
        routes.post(RESPONSES + "/input_tokens",
                context -> exchange.json(context, (body, caller) -> Json.object()
                        .put("object", "response.input_tokens")
                        .put("input_tokens", work.tokens(work.read(body, caller), caller))),
                RouteAccess.TENANTS);
        routes.post(RESPONSES + "/compact", context -> exchange.json(context, (body, caller) -> {
            throw ApiException.refused(400, null, "unsupported_endpoint", "conversations are not"
                    + " compacted here, since no model's summary can stand for one unseen; send"
                    + " truncation: \"auto\" to leave out the oldest turns, or ask for a summary"
                    + " and go on with that");
        }), RouteAccess.TENANTS);
        routes.get(ONE, this::retrieve, RouteAccess.TENANTS);
        routes.delete(ONE, this::delete, RouteAccess.TENANTS);
        routes.post(ONE + "/cancel", this::cancel, RouteAccess.TENANTS);
        routes.get(ONE + "/input_items", context -> Exchange.json(context,
                InputPage.of(context, stored.input(tenant(context), id(context)))),
                RouteAccess.TENANTS);
    }

    /** Waits until what was made in the background and has ended is stored. */
    public void awaitStored(Duration most) throws InterruptedException {
        background.awaitStored(most);
    }

    private void create(Fields body, Caller caller, HttpServletResponse http)
            throws IOException, InterruptedException {
        ResponseRequest request = work.read(body, caller);
        if (request.background()) {
            BackgroundRun run = background.start(request, caller);
            if (request.streams()) {
                run.follow(0, events(http, caller), watch(caller));
            } else {
                Exchange.json(http, caller, run.response());
            }
            return;
        }
        if (request.streams()) {
            create(request, RESPONSES, caller, events(http, caller));
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
        ResponseRequest request = work.read(body, caller);
        if (request.background()) {
            throw ApiException.unsupported("background", "background: true is for single requests;"
                    + " leave it out");
        }
        return create(request, endpoint, caller, EventOutput.NONE);
    }

    private ObjectNode create(ResponseRequest request, String endpoint, Caller caller,
            EventOutput output) throws IOException, InterruptedException {
        ResponseBuilder builder = work.builder(request, output,
                response -> stored.keep(caller.identity(), request.input(), response));
        work.run(request, endpoint, caller, builder);
        return builder.response();
    }

    private ServerSentEvents events(HttpServletResponse http, Caller caller) {
        return new ServerSentEvents(new ResponseStream(http, "text/event-stream",
                exchange.limits().keepAlive(), caller.identity().quota()));
    }

    private ClientWatch watch(Caller caller) {
        return new ClientWatch(caller.connection(), exchange.limits().watch());
    }

    private static String tenant(Context context) {
        return Identity.of(context.req()).tenant();
    }

    private static String id(Context context) {
        return context.pathParam("id");
    }

    private Optional<BackgroundRun> run(Context context) {
        return background.find(tenant(context), id(context));
    }

    private void retrieve(Context context) throws IOException, InterruptedException {
        Optional<BackgroundRun> run = run(context);
        if ("true".equals(context.queryParam("stream"))) {
            int from = startingAfter(context) + 1;
            if (run.isEmpty()) {
                stored.response(tenant(context), id(context));
                throw ApiException.unsupported("stream", "the events of " + id(context) + " are"
                        + " not kept, only those of the last responses in the background are;"
                        + " retrieve it whole, without stream");
            }
            Caller caller = exchange.caller(context);
            exchange.take(() -> run.get().follow(from, events(context.res(), caller),
                    watch(caller)));
            return;
        }
        if (context.queryParam("starting_after") != null) {
            throw ApiException.invalid("starting_after", "starting_after needs stream=true");
        }
        Exchange.json(context, run.isPresent()
                ? run.get().response()
                : stored.response(tenant(context), id(context)));
    }

    /** Number of the last event that the client has; -1 for none. */
    private static int startingAfter(Context context) {
        String text = context.queryParam("starting_after");
        try {
            int number = text == null ? -1 : Integer.parseInt(text);
            if (text == null || number >= 0 && number < Integer.MAX_VALUE) {
                return number;
            }
        } catch (NumberFormatException e) {
            // The same complaint as about a number out of range.
        }
        throw ApiException.invalid("starting_after", "starting_after must be the sequence_number"
                + " of an event, got \"" + Fields.shown(text) + "\"");
    }

    private void delete(Context context) throws InterruptedException {
        Optional<BackgroundRun> run = run(context);
        if (run.isPresent()) {
            background.forget(id(context), run.get());
        }
        stored.remove(tenant(context), id(context));
        Exchange.json(context, Json.object().put("id", id(context)).put("object", "response")
                .put("deleted", true));
    }

    /** Cancelling what has ended changes nothing; what has a client ends with its connection. */
    private void cancel(Context context) throws InterruptedException {
        Optional<BackgroundRun> run = run(context);
        if (run.isPresent()) {
            BackgroundResponses.cancel(run.get());
            Exchange.json(context, run.get().response());
            return;
        }
        ObjectNode response = stored.response(tenant(context), id(context));
        if (!response.get("background").booleanValue()) {
            throw ApiException.refused(400, null, "invalid_request", "the response " + id(context)
                    + " was not made in the background: it ends with its connection, and has");
        }
        Exchange.json(context, response);
    }
}
