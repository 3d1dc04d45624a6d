package dev.millrace.server.anthropic;

import dev.millrace.server.dialects.ListenedChunks;
import dev.millrace.server.openai.Completions;
import dev.millrace.server.openai.completion.Caller;
import dev.millrace.server.openai.completion.Exchange;
import dev.millrace.server.openai.completion.ResponseStream;
import dev.millrace.server.openai.wire.Fields;
import dev.millrace.server.openai.wire.Json;
import dev.millrace.server.tenants.RouteAccess;
import io.javalin.config.RoutesConfig;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import tools.jackson.databind.node.ObjectNode;

/** Anthropic's Messages API. */
public final class AnthropicRoutes {

    static final String MESSAGES = "/v1/messages";
    private static final String ID_PREFIX = "msg_";

    private final Completions completions;
    private final Exchange exchange;

    public AnthropicRoutes(Completions completions, Exchange exchange) {
        this.completions = completions;
        this.exchange = exchange;
    }

    /** Adds the routes. */
    public void register(RoutesConfig routes) {
        routes.post(MESSAGES, context -> exchange.run(context, this::message),
                RouteAccess.TENANTS);
        routes.post(MESSAGES + "/count_tokens", context -> exchange.json(context,
                (body, caller) -> Json.object().put("input_tokens",
                        completions.chatPrompt(MessagesRequest.prompt(body), caller).length)),
                RouteAccess.TENANTS);
    }

    private void message(Fields body, Caller caller, HttpServletResponse response)
            throws IOException, InterruptedException {
        ObjectNode chat = MessagesRequest.chat(body);
        String model = body.text("model");
        if (body.flag("stream", false)) {
            answer(chat, model, caller, new MessageStream(new ResponseStream(response,
                    "text/event-stream", exchange.limits().keepAlive(),
                    caller.identity().quota())));
            return;
        }
        WholeMessage whole = new WholeMessage(Json.reader(exchange.limits()));
        answer(chat, model, caller, whole);
        Exchange.json(response, caller, whole.message());
    }

    private void answer(ObjectNode chat, String model, Caller caller,
            MessageEvents.Output output) throws IOException, InterruptedException {
        completions.chat(chat, MESSAGES, ID_PREFIX, caller,
                new ListenedChunks(new MessageEvents(model, output)));
    }
}
