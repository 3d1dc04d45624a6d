package dev.millrace.server.openai.request;

import dev.millrace.server.openai.wire.ApiException;
import dev.millrace.server.openai.wire.Fields;
import dev.millrace.server.openai.wire.HttpLimits;
import dev.millrace.server.openai.wire.Json;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Reads a conversation into the plain maps that a chat template sees. */
final class ChatMessages {

    private static final int MESSAGES = 4096;
    private static final int PARTS = 1024;
    private static final int TOOL_CALLS = 128;
    private static final Set<String> ROLES = Set.of("system", "developer", "user", "assistant",
            "tool");

    private static final JsonMapper JSON = Json.reader(HttpLimits.DEFAULT);

    private ChatMessages() {}

    /** Reads {@code messages}. @throws ApiException 400 that names the message and the field */
    static List<Map<String, Object>> read(Fields body) {
        List<JsonNode> nodes = Fields.array(body.require("messages"), "messages", MESSAGES);
        if (nodes.isEmpty()) {
            throw ApiException.invalid("messages", "messages must have at least one message");
        }
        List<Map<String, Object>> messages = new ArrayList<>();
        for (int i = 0; i < nodes.size(); i++) {
            messages.add(message(Fields.of(nodes.get(i), "messages[" + i + "]")));
        }
        return messages;
    }

    private static Map<String, Object> message(Fields fields) {
        String role = fields.text("role");
        if (!ROLES.contains(role)) {
            throw ApiException.invalid(fields.path("role"), fields.path("role")
                    + " must be one of system, developer, user, assistant, tool, got \"" + role
                    + "\"");
        }
        Map<String, Object> message = new LinkedHashMap<>();
        // OpenAI's newer name for the same thing, which published templates do not know.
        message.put("role", role.equals("developer") ? "system" : role);
        boolean calls = role.equals("assistant") && fields.has("tool_calls");
        if (!calls || fields.has("content")) {
            message.put("content", content(fields));
        } else {
            message.put("content", null);
        }
        copyText(fields, "name", message);
        if (role.equals("assistant")) {
            copyReasoning(fields, message);
        }
        copyText(fields, "tool_call_id", message);
        if (calls) {
            message.put("tool_calls", toolCalls(fields));
        }
        return message;
    }

    /** Under the names by which templates know it; clients use either of the first two. */
    private static void copyReasoning(Fields fields, Map<String, Object> message) {
        String name = fields.has("reasoning_content") ? "reasoning_content" : "reasoning";
        String thought = fields.text(name, "");
        if (!thought.isEmpty()) {
            message.put("reasoning_content", thought);
        }
    }

    private static void copyText(Fields fields, String name, Map<String, Object> message) {
        if (fields.has(name)) {
            message.put(name, fields.text(name));
        }
    }

    /** Several text parts become lines of one text: few templates take a list. */
    private static String content(Fields fields) {
        JsonNode content = fields.require("content");
        String path = fields.path("content");
        if (!content.isArray()) {
            return Fields.text(content, path);
        }
        List<String> texts = new ArrayList<>();
        List<JsonNode> parts = Fields.array(content, path, PARTS);
        for (int i = 0; i < parts.size(); i++) {
            Fields part = Fields.of(parts.get(i), path + "[" + i + "]");
            String type = part.text("type");
            switch (type) {
                case "text", "refusal" -> texts.add(part.text(type));
                default -> throw ApiException.unsupported(part.path("type"), part.path("type")
                        + " \"" + type + "\" is not supported: this server takes text only");
            }
        }
        return String.join("\n", texts);
    }

    private static List<Object> toolCalls(Fields message) {
        List<Object> calls = new ArrayList<>();
        List<JsonNode> nodes = message.array("tool_calls", TOOL_CALLS);
        for (int i = 0; i < nodes.size(); i++) {
            Fields call = Fields.of(nodes.get(i), message.path("tool_calls") + "[" + i + "]");
            Fields function = Fields.of(call.require("function"), call.path("function"));
            calls.add(Map.of("id", call.text("id", ""), "type", "function", "function",
                    Map.of("name", function.text("name"), "arguments", arguments(function))));
        }
        return calls;
    }

    /** Templates expect an object; what is none, perhaps cut short by a limit, stays as it is. */
    private static Object arguments(Fields function) {
        String text = function.text("arguments");
        try {
            JsonNode read = JSON.readTree(text.isBlank() ? "{}" : text);
            return read.isObject() ? JSON.treeToValue(read, Map.class) : text;
        } catch (JacksonException e) {
            return text;
        }
    }
}
