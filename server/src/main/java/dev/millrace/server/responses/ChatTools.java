package dev.millrace.server.responses;

import dev.millrace.server.openai.wire.ApiException;
import dev.millrace.server.openai.wire.Fields;
import dev.millrace.server.openai.wire.Json;
import java.util.List;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** Puts {@code tools} and {@code tool_choice} into the words of chat completions. */
final class ChatTools {

    private static final int TOOLS = 128;

    private ChatTools() {}

    /** Adds them to both. @throws ApiException 400 that names the field */
    static void copy(Fields body, ObjectNode chat, ObjectNode response) {
        List<JsonNode> nodes = body.array("tools", TOOLS);
        ArrayNode tools = Json.array();
        ArrayNode shown = response.putArray("tools");
        for (int i = 0; i < nodes.size(); i++) {
            Fields tool = Fields.of(nodes.get(i), "tools[" + i + "]");
            tools.add(function(tool));
            shown.add(shown(tool));
        }
        if (!tools.isEmpty()) {
            chat.set("tools", tools);
        }
        JsonNode choice = body.find("tool_choice");
        if (choice == null) {
            response.put("tool_choice", "auto");
            return;
        }
        chat.set("tool_choice", choice.isObject()
                ? choice(Fields.of(choice, "tool_choice"), (ObjectNode) choice)
                : choice);
        response.set("tool_choice", choice);
    }

    private static ObjectNode function(Fields tool) {
        requireFunction(tool);
        for (String name : List.of("defer_loading", "allowed_callers", "output_schema")) {
            JsonNode value = tool.find(name);
            if (value != null && !(value.isBoolean() && !value.booleanValue())) {
                throw ApiException.unsupported(tool.path(name), tool.path(name)
                        + " is not supported by this server; leave it out");
            }
        }
        ObjectNode outer = Json.object().put("type", "function");
        ObjectNode function = outer.putObject("function").put("name", tool.text("name"));
        for (String name : List.of("description", "parameters", "strict")) {
            if (tool.has(name)) {
                function.set(name, tool.require(name));
            }
        }
        return outer;
    }

    /** As a response shows it, with every field that its description requires. */
    private static ObjectNode shown(Fields tool) {
        ObjectNode shown = Json.object().put("type", "function").put("name", tool.text("name"));
        for (String name : List.of("description", "parameters", "strict")) {
            shown.set(name, tool.find(name));
        }
        return shown;
    }

    private static void requireFunction(Fields tool) {
        String type = tool.text("type");
        if (!type.equals("function")) {
            throw ApiException.unsupported(tool.path("type"), tool.path("type") + " \""
                    + Fields.shown(type) + "\" is not supported: this server runs no tools of its"
                    + " own (it searches no web and no files, runs no code, speaks no MCP); offer"
                    + " functions, which you run");
        }
    }

    private static JsonNode choice(Fields choice, ObjectNode as) {
        String type = choice.text("type");
        if (type.equals("allowed_tools")) {
            return as;
        }
        requireFunction(choice);
        ObjectNode named = Json.object().put("type", type);
        named.putObject("function").put("name", choice.text("name"));
        return named;
    }
}
