package dev.millrace.server.responses;

import dev.millrace.server.openai.wire.Json;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** Puts log probabilities as chat completions list them into the form of responses. */
final class Logprobs {

    private Logprobs() {}

    /** As an item has them: tokens without a text of their own have no bytes, but a list. */
    static ArrayNode ofItem(ArrayNode tokens) {
        ArrayNode all = Json.array();
        for (JsonNode token : tokens.values()) {
            ObjectNode entry = withBytes(token);
            ArrayNode top = entry.putArray("top_logprobs");
            token.path("top_logprobs").values().forEach(one -> top.add(withBytes(one)));
            all.add(entry);
        }
        return all;
    }

    private static ObjectNode withBytes(JsonNode token) {
        ObjectNode entry = entry(token);
        entry.set("bytes", token.path("bytes").isArray() ? token.get("bytes") : Json.array());
        return entry;
    }

    /** As an event has them, without bytes. */
    static ArrayNode ofEvent(ArrayNode tokens) {
        ArrayNode all = Json.array();
        for (JsonNode token : tokens.values()) {
            ObjectNode entry = entry(token);
            ArrayNode top = entry.putArray("top_logprobs");
            token.path("top_logprobs").values().forEach(one -> top.add(entry(one)));
            all.add(entry);
        }
        return all;
    }

    private static ObjectNode entry(JsonNode token) {
        ObjectNode entry = Json.object();
        entry.set("token", token.get("token"));
        entry.set("logprob", token.get("logprob"));
        return entry;
    }
}
