package dev.millrace.server.ollama;

import dev.millrace.server.Release;
import dev.millrace.server.dialects.ListenedChunks;
import dev.millrace.server.embeddings.EmbeddingHandler;
import dev.millrace.server.openai.Completions;
import dev.millrace.server.openai.completion.Caller;
import dev.millrace.server.openai.completion.Exchange;
import dev.millrace.server.openai.completion.ResponseStream;
import dev.millrace.server.openai.model.ListedModel;
import dev.millrace.server.openai.model.ModelDirectory;
import dev.millrace.server.openai.wire.ApiException;
import dev.millrace.server.openai.wire.Fields;
import dev.millrace.server.openai.wire.Json;
import dev.millrace.server.tenants.RouteAccess;
import io.javalin.config.RoutesConfig;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/** Ollama's API, as far as it is about using models; pulling and making them is not for clients. */
public final class OllamaRoutes {

    private static final String CHAT = "/api/chat";
    private static final String GENERATE = "/api/generate";
    private static final String EMBED = "/api/embed";
    /** Ollama's own whose API this is; some clients refuse to work with older ones. */
    private static final String SPOKEN_VERSION = "0.12.11";
    private static final String ID_PREFIX = "ollama-";

    private final Completions completions;
    private final EmbeddingHandler embeddings;
    private final OllamaModels models;
    private final Exchange exchange;

    public OllamaRoutes(ModelDirectory directory, Completions completions,
            EmbeddingHandler embeddings, Exchange exchange) {
        this.completions = completions;
        this.embeddings = embeddings;
        this.models = new OllamaModels(directory);
        this.exchange = exchange.ofAnyType(); // Ollama's own examples send none of JSON
    }

    /** Adds the routes. */
    public void register(RoutesConfig routes) {
        routes.post(CHAT, context -> exchange.run(context, this::chat), RouteAccess.TENANTS);
        routes.post(GENERATE, context -> exchange.run(context, this::generate),
                RouteAccess.TENANTS);
        routes.post(EMBED, context -> exchange.json(context, this::embed),
                RouteAccess.TENANTS);
        routes.post("/api/embeddings", context -> exchange.json(context, this::embedOne),
                RouteAccess.TENANTS);
        routes.post("/api/pull", context -> exchange.run(context, this::pull),
                RouteAccess.TENANTS);
        routes.post("/api/show", context -> exchange.json(context,
                (body, caller) -> models.show(models.require(name(body), caller))),
                RouteAccess.TENANTS);
        routes.get("/api/tags", context -> Exchange.json(context,
                models.tags(exchange.caller(context))), RouteAccess.TENANTS);
        routes.get("/api/ps", context -> Exchange.json(context,
                models.running(exchange.caller(context))), RouteAccess.TENANTS);
        routes.get("/api/version", context -> Exchange.json(context,
                Json.object().put("version", SPOKEN_VERSION).put("millrace",
                        Release.version())),
                RouteAccess.TENANTS);
    }

    /** Older clients call it {@code name}. */
    private static String name(Fields body) {
        return body.has("model") || !body.has("name") ? body.text("model") : body.text("name");
    }

    private void chat(Fields body, Caller caller, HttpServletResponse response)
            throws IOException, InterruptedException {
        ListedModel model = models.require(body.text("model"), caller);
        if (Fields.array(body.require("messages"), "messages", Integer.MAX_VALUE).isEmpty()) {
            loaded(model, true, response, caller);
            return;
        }
        answer(OllamaRequest.chat(body, model.id(), model.contextTokens()), CHAT, body, caller,
                response);
    }

    private void generate(Fields body, Caller caller, HttpServletResponse response)
            throws IOException, InterruptedException {
        ListedModel model = models.require(body.text("model"), caller);
        if (body.text("prompt", "").isEmpty()) {
            loaded(model, false, response, caller);
            return;
        }
        if (body.flag("raw", false)) {
            answer(RawPrompt.completion(body, models.requireGenerating(model)), GENERATE, body,
                    caller, response);
            return;
        }
        answer(OllamaRequest.generate(body, model.id(), model.contextTokens()), GENERATE, body,
                caller, response);
    }

    /** Ollama's way to load a model ahead; here it loads when it is asked for. */
    private static void loaded(ListedModel model, boolean chat, HttpServletResponse response,
            Caller caller) throws IOException {
        ObjectNode answer = Json.object().put("model", model.id()).put("created_at",
                model.created().toString());
        if (chat) {
            answer.putObject("message").put("role", "assistant").put("content", "");
        } else {
            answer.put("response", "");
        }
        Exchange.json(response, caller, answer.put("done", true).put("done_reason", "load"));
    }

    /** A model that is here has been pulled; clients get no others. */
    private void pull(Fields body, Caller caller, HttpServletResponse response)
            throws IOException {
        try {
            models.require(name(body), caller);
        } catch (ApiException e) {
            throw ApiException.refused(e.status(), "model", e.code(), e.getMessage() + "; clients"
                    + " cannot pull others: ./millrace pull does that, and ./millrace serve names"
                    + " what is served");
        }
        Exchange.json(response, caller, Json.object().put("status", "success"));
    }

    private static void refuseThought(Fields body, Completions completions, ObjectNode chat) {
        JsonNode think = body.find("think");
        if (think != null && think.isBoolean() && think.booleanValue()
                && !completions.thinks(chat.get("model").stringValue())) {
            throw ApiException.unsupported("think", "\"" + body.text("model")
                    + "\" does not support thinking; leave think out");
        }
    }

    private void answer(ObjectNode chat, String endpoint, Fields body, Caller caller,
            HttpServletResponse response) throws IOException, InterruptedException {
        refuseThought(body, completions, chat);
        ResponseStream stream = body.flag("stream", true)
                ? new ResponseStream(response, "application/x-ndjson",
                        exchange.limits().keepAlive(), caller.identity().quota())
                : null;
        OllamaAnswer answer = new OllamaAnswer(body.text("model"), endpoint.equals(CHAT), stream,
                Json.reader(exchange.limits()));
        if (chat.has("prompt")) {
            completions.completion(chat, endpoint, caller, new ListenedChunks(answer));
        } else {
            completions.chat(chat, endpoint, ID_PREFIX, caller, new ListenedChunks(answer));
        }
        if (stream == null) {
            Exchange.json(response, caller, answer.whole());
        }
    }

    /** What came before {@code /api/embed}: one text at a time. */
    private JsonNode embedOne(Fields body, Caller caller)
            throws IOException, InterruptedException {
        ObjectNode request = Json.object().put("input", body.text("prompt")).put("model",
                models.require(body.text("model"), caller).id());
        ObjectNode answer = embeddings.answer(new Fields(request), "/api/embeddings", caller);
        ObjectNode words = Json.object();
        words.set("embedding", answer.at("/data/0/embedding"));
        words.set("usage", answer.get("usage"));
        return words;
    }

    private JsonNode embed(Fields body, Caller caller) throws IOException, InterruptedException {
        long start = System.nanoTime();
        if (body.has("truncate") && body.flag("truncate", false)) {
            throw ApiException.unsupported("truncate", "truncate is not supported by this server,"
                    + " which never cuts a text; leave it out or send false");
        }
        ListedModel model = models.require(body.text("model"), caller);
        ObjectNode request = Json.object().put("model", model.id());
        request.set("input", body.require("input"));
        if (body.has("dimensions")) {
            request.set("dimensions", body.require("dimensions"));
        }
        ObjectNode answer = embeddings.answer(new Fields(request), EMBED, caller);
        ObjectNode words = Json.object().put("model", body.text("model"));
        answer.get("data").forEach(one -> words.withArray("embeddings")
                .add(one.get("embedding")));
        words.put("total_duration", System.nanoTime() - start).put("load_duration", 0)
                .put("prompt_eval_count", answer.at("/usage/prompt_tokens").intValue());
        words.set("usage", answer.get("usage"));
        return words;
    }
}
