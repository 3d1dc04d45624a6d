package dev.millrace.server.dialects;

import dev.millrace.models.text.TextSpan;
import dev.millrace.models.text.Tokenizer;
import dev.millrace.server.openai.Completions;
import dev.millrace.server.openai.completion.Caller;
import dev.millrace.server.openai.completion.Exchange;
import dev.millrace.server.openai.model.ModelDirectory;
import dev.millrace.server.openai.model.ServedModel;
import dev.millrace.server.openai.wire.ApiException;
import dev.millrace.server.openai.wire.Fields;
import dev.millrace.server.openai.wire.Json;
import dev.millrace.server.tenants.RouteAccess;
import io.javalin.config.RoutesConfig;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * Texts and conversations as tokens and back, in the words of llama.cpp ({@code content}) and of
 * vLLM ({@code prompt}, {@code messages}) alike. Nothing is computed, so nothing is metered.
 */
public final class TokenRoutes {

    private final ModelDirectory models;
    private final Completions completions;
    private final Exchange exchange;

    public TokenRoutes(ModelDirectory models, Completions completions, Exchange exchange) {
        this.models = models;
        this.completions = completions;
        this.exchange = exchange;
    }

    /** Adds the routes. */
    public void register(RoutesConfig routes) {
        routes.post("/tokenize", context -> exchange.json(context, this::tokenize),
                RouteAccess.TENANTS);
        routes.post("/detokenize", context -> exchange.json(context, this::detokenize),
                RouteAccess.TENANTS);
        routes.post("/apply-template", context -> exchange.json(context,
                (body, caller) -> Json.object().put("prompt",
                        completions.chatPromptText(named(body, caller), caller))),
                RouteAccess.TENANTS);
    }

    /** llama.cpp's clients name no model: it serves one. Here that is the first. */
    private ServedModel model(Fields body, Caller caller) {
        String id = body.has("model")
                ? body.text("model")
                : models.allowed(caller.identity()).stream()
                        .filter(ServedModel.class::isInstance).findFirst()
                        .orElseThrow(() -> ApiException.missing("model")).id();
        ServedModel model = models.require(id);
        ModelDirectory.requireAllowed(model, caller.identity());
        return model;
    }

    private ObjectNode named(Fields body, Caller caller) {
        ObjectNode chat = Json.object();
        body.all().forEach(field -> chat.set(field.getKey(), field.getValue()));
        return chat.put("model", model(body, caller).id());
    }

    private JsonNode tokenize(Fields body, Caller caller) {
        ServedModel model = model(body, caller);
        int[] tokens = body.has("messages")
                ? completions.chatPrompt(named(body, caller), caller)
                : encode(body, model.tokenizer());
        ObjectNode answer = Json.object().put("count", tokens.length).put("max_model_len",
                model.contextTokens());
        ArrayNode ids = answer.putArray("tokens");
        boolean pieces = body.flag("with_pieces", false);
        for (int token : tokens) {
            if (pieces) {
                ids.addObject().put("id", token).set("piece",
                        piece(model.tokenizer().bytes(token)));
            } else {
                ids.add(token);
            }
        }
        if (body.flag("return_token_strs", false)) {
            ArrayNode strings = answer.putArray("token_strs");
            for (int token : tokens) {
                strings.add(model.tokenizer().piece(token));
            }
        }
        return answer;
    }

    /** llama.cpp adds no start token unless asked to, vLLM adds one unless asked not to. */
    private static int[] encode(Fields body, Tokenizer tokenizer) {
        boolean plain = body.has("content");
        String text = plain ? body.text("content") : body.text("prompt");
        boolean start = plain
                ? body.flag("add_special", false)
                : body.flag("add_special_tokens", true);
        return tokenizer.encode(
                List.of(new TextSpan(text, plain && body.flag("parse_special", true))), start);
    }

    /** A token's text, or its bytes where they are no whole characters. */
    private static JsonNode piece(byte[] bytes) {
        ArrayNode numbers = Json.array();
        try {
            return numbers.add(StandardCharsets.UTF_8.newDecoder()
                    .decode(ByteBuffer.wrap(bytes)).toString()).get(0);
        } catch (CharacterCodingException e) {
            for (byte value : bytes) {
                numbers.add(value & 0xff);
            }
            return numbers;
        }
    }

    private JsonNode detokenize(Fields body, Caller caller) {
        ServedModel model = model(body, caller);
        List<JsonNode> nodes = Fields.array(body.require("tokens"), "tokens", Integer.MAX_VALUE);
        int[] tokens = new int[nodes.size()];
        for (int i = 0; i < tokens.length; i++) {
            tokens[i] = (int) Fields.integer(nodes.get(i), "tokens[" + i + "]", 0,
                    model.tokenizer().vocabularySize() - 1);
        }
        String text = model.tokenizer().decode(tokens);
        return Json.object().put("content", text).put("prompt", text);
    }
}
