package dev.millrace.server.ollama;

import dev.millrace.server.openai.wire.ApiException;
import dev.millrace.server.openai.wire.Fields;
import dev.millrace.server.openai.wire.Json;
import java.util.List;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** Puts bodies of {@code /api/chat} and {@code /api/generate} into chats in OpenAI's words. */
final class OllamaRequest {

    private static final int MESSAGES = 4096;
    private static final int CALLS = 128;

    private OllamaRequest() {}

    /** A body of {@code /api/chat}. @throws ApiException 400 that names the field */
    static ObjectNode chat(Fields body, String model, int contextTokens) {
        ObjectNode chat = Json.object().put("model", model);
        ArrayNode messages = chat.putArray("messages");
        List<JsonNode> nodes = Fields.array(body.require("messages"), "messages", MESSAGES);
        int[] calls = {0};
        for (int i = 0; i < nodes.size(); i++) {
            message(Fields.of(nodes.get(i), "messages[" + i + "]"), messages.addObject(), calls);
        }
        if (body.has("tools")) {
            chat.set("tools", body.require("tools"));
        }
        OllamaOptions.add(body, contextTokens, chat);
        return chat;
    }

    /** A body of {@code /api/generate}. @throws ApiException 400 that names the field */
    static ObjectNode generate(Fields body, String model, int contextTokens) {
        for (String name : List.of("suffix", "template", "context")) {
            JsonNode value = body.find(name);
            if (value != null && !(value.isString() && value.stringValue().isEmpty())
                    && !(value.isArray() && value.isEmpty())) {
                throw ApiException.unsupported(name, name
                        + " is not supported by this server; leave it out");
            }
        }
        refuseImages(body);
        ObjectNode chat = Json.object().put("model", model);
        ArrayNode messages = chat.putArray("messages");
        if (!body.text("system", "").isEmpty()) {
            messages.addObject().put("role", "system").put("content", body.text("system"));
        }
        messages.addObject().put("role", "user").put("content", body.text("prompt"));
        OllamaOptions.add(body, contextTokens, chat);
        return chat;
    }

    /** Ollama's calls have no ids; here a result belongs to the call in the same place. */
    private static void message(Fields fields, ObjectNode message, int[] results) {
        refuseImages(fields);
        String role = fields.text("role");
        message.put("role", role).put("content", fields.text("content", ""));
        if (!fields.text("thinking", "").isEmpty()) {
            message.put("reasoning_content", fields.text("thinking"));
        }
        List<JsonNode> calls = fields.array("tool_calls", CALLS);
        if (!calls.isEmpty()) {
            results[0] = 0;
            ArrayNode said = message.putArray("tool_calls");
            for (int i = 0; i < calls.size(); i++) {
                String path = fields.path("tool_calls") + "[" + i + "]";
                Fields call = Fields.of(Fields.of(calls.get(i), path).require("function"),
                        path + ".function");
                said.addObject().put("id", callId(i)).put("type", "function")
                        .putObject("function").put("name", call.text("name"))
                        .put("arguments", Json.text(call.require("arguments")));
            }
        }
        if (role.equals("tool")) {
            message.put("tool_call_id", callId(results[0]++));
            if (fields.has("tool_name")) {
                message.put("name", fields.text("tool_name"));
            }
        }
    }

    private static String callId(int index) {
        return "call_%05d".formatted(index);
    }

    private static void refuseImages(Fields fields) {
        if (fields.has("images") && !fields.array("images", MESSAGES).isEmpty()) {
            throw ApiException.unsupported(fields.path("images"), fields.path("images")
                    + " is not supported: this server takes text only");
        }
    }
}
